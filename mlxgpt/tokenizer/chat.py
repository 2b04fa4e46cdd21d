"""How a conversation becomes tokens: `<BOS><USER>Hi!<END><ASSISTANT>Hello.<END>`.

The form is written twice: as the Jinja `TEMPLATE` in tokenizer_config.json, which transformers and mlx_lm follow, and
as `_own`, which works on ids.  They agree but for one thing: ids are built here from each message by itself, so a
message that contains "<END>" says so in letters and cannot end its turn, where a template is flat text and cannot tell
the difference.  Foreign tokenizers bring a template of their own and are rendered with it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from mlxgpt.errors import DataError, MissingExtra, TokenizerError, nearest
from mlxgpt.tokenizer.base import Tokenizer

ROLES: Mapping[str, str] = {"system": "<SYSTEM>", "user": "<USER>", "assistant": "<ASSISTANT>"}

# The template emits BOS itself, because mlx_lm encodes templated text without adding any.  Its tokens are written out
# whole, so that transformers finds them when asked to keep message content plain (`sanitize_control_tokens`).
TEMPLATE = (
    "{{ bos_token }}"
    "{% for message in messages %}"
    "{% if message['role'] == 'system' %}<SYSTEM>"
    "{% elif message['role'] == 'user' %}<USER>"
    "{% elif message['role'] == 'assistant' %}<ASSISTANT>"
    "{% else %}{{ raise_exception('Unknown role: ' + message['role']) }}"
    "{% endif %}"
    "{{ message['content'] }}<END>"
    "{% endfor %}"
    "{% if add_generation_prompt %}<ASSISTANT>{% endif %}"
)


class Message(TypedDict):
    """One turn, as every chat API writes it; `role` is system, user or assistant."""

    role: str
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatExample:
    """A conversation to learn from: `mask` is 1 where the model should have written the id, 0 where it only reads."""

    ids: list[int]
    mask: list[int]


def chat_ids(tokenizer: Tokenizer, messages: Sequence[Message], *, add_generation_prompt: bool = True) -> list[int]:
    """The ids of a conversation, by default ending where the assistant is to answer."""
    if tokenizer.chat_template == TEMPLATE:
        return _own(tokenizer, messages, add_generation_prompt).ids
    text = render_text(tokenizer, messages, add_generation_prompt=add_generation_prompt)
    return tokenizer.encode(text, specials=True)


def chat_example(tokenizer: Tokenizer, messages: Sequence[Message]) -> ChatExample:
    """The ids of a whole conversation and the loss mask: 1 on what an assistant wrote and the token that ends it.

    >>> from mlxgpt.tokenizer.simple import train_characters
    >>> tokenizer = train_characters(["hi"])  # h is 9, i is 10
    >>> talk = [Message(role="user", content="hi"), Message(role="assistant", content="h")]
    >>> chat_example(tokenizer, talk)
    ChatExample(ids=[2, 6, 9, 10, 8, 7, 9, 8], mask=[0, 0, 0, 0, 0, 0, 1, 1])
    """
    if tokenizer.chat_template == TEMPLATE:
        return _own(tokenizer, messages, False)
    return _foreign(tokenizer, messages)


def render_text(tokenizer: Tokenizer, messages: Sequence[Message], *, add_generation_prompt: bool = True) -> str:
    """The conversation through the tokenizer's own Jinja template, as transformers renders it.

    Raises `TokenizerError` when there is no template or it fails; a template is a stranger's program, so it runs
    sandboxed.
    """
    _check(messages)
    if not tokenizer.chat_template:
        raise TokenizerError(
            "This tokenizer has no chat template, so it cannot lay out a conversation.",
            hint="Use a model that was tuned for chat, or give it plain text.",
        )
    names = {
        name: "" if token_id is None else tokenizer.token_text(token_id)
        for name, token_id in (
            ("bos_token", tokenizer.bos_id),
            ("eos_token", tokenizer.eos_id),
            ("pad_token", tokenizer.pad_id),
            ("unk_token", tokenizer.unk_id),
        )
    }
    try:
        template = _environment().from_string(tokenizer.chat_template)
        text: str = template.render(messages=messages, add_generation_prompt=add_generation_prompt, **names)
    except MissingExtra:
        raise
    except Exception as error:  # whatever a stranger's program may raise
        raise TokenizerError(
            f"The chat template failed: {error}", hint="See chat_template in tokenizer_config.json."
        ) from error
    return text


def _own(tokenizer: Tokenizer, messages: Sequence[Message], add_generation_prompt: bool) -> ChatExample:
    """Our form, message by message; content is never parsed for specials."""
    _check(messages)
    ids = [_special(tokenizer, "<BOS>")]
    mask = [0]
    for message in messages:
        content = tokenizer.encode(message["content"])
        ids += [_special(tokenizer, ROLES[message["role"]]), *content, _special(tokenizer, "<END>")]
        mask += [0, *[int(message["role"] == "assistant")] * (len(content) + 1)]
    if add_generation_prompt:
        ids.append(_special(tokenizer, "<ASSISTANT>"))
        mask.append(0)
    return ChatExample(ids=ids, mask=mask)


def _foreign(tokenizer: Tokenizer, messages: Sequence[Message]) -> ChatExample:
    """A foreign template's ids; an answer is what a rendering with it has more than one that stops before it."""
    ids = chat_ids(tokenizer, messages, add_generation_prompt=False)
    mask = [0] * len(ids)
    for turn, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        before = chat_ids(tokenizer, messages[:turn], add_generation_prompt=True)
        after = chat_ids(tokenizer, messages[: turn + 1], add_generation_prompt=False)
        if after[: len(before)] != before or ids[: len(after)] != after:
            raise TokenizerError(
                f"The chat template rewrites turn {turn + 1} when more follows, so what is the answer is unclear.",
                hint="Train on conversations with one answer each, or use a tokenizer of mlxgpt's own.",
            )
        mask[len(before) : len(after)] = [1] * (len(after) - len(before))
    return ChatExample(ids=ids, mask=mask)


def _check(messages: Sequence[Message]) -> None:
    for turn, message in enumerate(messages, start=1):
        role, content = message.get("role"), message.get("content")
        if not isinstance(role, str) or role not in ROLES:
            raise DataError(f"Message {turn} has the role {role!r}.", hint=nearest(str(role), ROLES))
        if not isinstance(content, str):
            raise DataError(f"The content of message {turn} is {content!r}, not text.", hint="Give it as one string.")


def _special(tokenizer: Tokenizer, token: str) -> int:
    token_id = tokenizer.id_of(token)
    if token_id is None:
        raise TokenizerError(
            f"The tokenizer has no {token} token, which its chat template needs.",
            hint="Train the tokenizer again with this version of mlxgpt.",
        )
    return token_id


def _environment() -> Any:  # Any: jinja2 is imported here alone
    """Jinja as transformers sets it up for chat templates (`transformers.utils.chat_template_utils`)."""
    try:
        # Only foreign templates need it, and it comes with mlx_lm rather than with us.
        from jinja2 import nodes
        from jinja2.ext import Extension, loopcontrols
        from jinja2.parser import Parser
        from jinja2.sandbox import ImmutableSandboxedEnvironment
    except ImportError:
        raise MissingExtra("Foreign chat templates need jinja2.", hint="pip install jinja2") from None

    class Generation(Extension):
        """`{% generation %}…{% endgeneration %}` marks an answer for transformers; what is inside is kept."""

        tags = {"generation"}  # noqa: RUF012  Jinja declares it as a variable of the instance

        def parse(self, parser: Parser) -> list[nodes.Node]:
            next(parser.stream)
            return parser.parse_statements(("name:endgeneration",), drop_needle=True)

    def raise_exception(message: str) -> None:
        raise ValueError(message)

    def tojson(value: Any, indent: int | None = None) -> str:  # Any: JSON; unlike Jinja's own, not escaped for HTML
        return json.dumps(value, ensure_ascii=False, indent=indent)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols]
    )
    environment.filters["tojson"] = tojson
    environment.globals["raise_exception"] = raise_exception
    return environment
