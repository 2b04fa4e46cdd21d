"""The thresholds of cleaning.  docs/data.md says where each comes from and what was measured on Portuguese texts."""

from dataclasses import dataclass

from mlxgpt.config import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class CleaningConfig:
    """Which rules apply and how strict they are; shares are 0 … 1, lengths are characters unless they say words."""

    skip: tuple[str, ...] = setting((), "rules that are not applied")
    languages: tuple[str, ...] = setting(("pt", "en"), "languages that are kept; none keeps all")
    mask_personal: bool = setting(
        False, "replace e-mail addresses, CPF, CNPJ, telephone numbers, CEP and IP by their names"
    )

    min_words: int = setting(2, "fewer words are no text")
    min_label_words: int = setting(10, "a text with fewer has to end as a sentence does")
    min_mean_word: float = setting(2.0, "letters for each piece between spaces; letters set apart have 1")
    max_mean_word: float = setting(12.0, "words run together, base64 and addresses have more")
    min_letters: float = setting(0.6, "share of letters among what is not space; tables and code have fewer")
    max_digits: float = setting(0.3, "share of digits among what is not space")
    max_code: float = setting(0.12, "share of {}[]()<>=;\\|_#$@^~ among what is not space")
    max_ellipsis_lines: float = setting(0.9, "share of lines that end in an ellipsis")
    max_bullet_lines: float = setting(0.95, "share of lines that begin with a bullet")
    max_urls: float = setting(0.4, "share of characters that belong to addresses of pages")
    max_replaced: float = setting(0.001, "share of characters that are U+FFFD")
    max_question_words: float = setting(0.015, "share of words with ? where a letter was")
    max_misread_words: float = setting(0.01, "share of words as optical recognition misreads them")
    min_stop_words: float = setting(0.1, "share of words such as de, a, que; in texts of 30 words or more")
    max_repeated_lines: float = setting(0.3, "share of characters in lines that were there before")
    min_packed: float = setting(0.15, "what zlib leaves of the size; below, it is the same again and again")
    max_top_bigram: float = setting(0.3, "share of characters in the most frequent 2-gram of words")
    max_top_trigram: float = setting(0.3, "share of characters in the most frequent 3-gram of words")
    max_top_fourgram: float = setting(0.3, "share of characters in the most frequent 4-gram of words")
    max_repeated_fivegrams: float = setting(0.4, "share of words in 5-grams that were there before")

    boilerplate_documents: int = setting(5, "a line in so many different documents is boilerplate; 0 keeps all lines")
    boilerplate_share: float = setting(0.0001, "and in so large a share of all documents")
