"""The sentences of explanations: key -> language -> (plain, maths, code).

No digit stands here: numbers come in as figures.  `{name}` is a value, `{name_path}` the tensor it was read from.
"""

from mlxgpt.inspection import rwkv_catalogue

Levels = tuple[str, str, str]

SENTENCES: dict[str, dict[str, Levels]] = {
    "attention.most": {
        "en": (
            "Reading {token}, head {head} of layer {layer} looks most at {seen}: {weight} of its attention goes there.",
            "A[{position}, {at}] = softmax(q·kᵀ/√d) = {weight} in head {head} of layer {layer}: the largest weight of {token}, on {seen}.",
            "{weight_path} is {weight}: the argmax of that row, {seen}.",
        ),
        "pt": (
            "Ao ler {token}, a cabeça {head} da camada {layer} olha sobretudo para {seen}: {weight} da atenção vai para lá.",
            "A[{position}, {at}] = softmax(q·kᵀ/√d) = {weight} na cabeça {head} da camada {layer}: o maior peso de {token}, em {seen}.",
            "{weight_path} é {weight}: o argmax dessa linha, {seen}.",
        ),
    },
    "attention.itself": {
        "en": (
            "Reading {token}, head {head} of layer {layer} looks most at that token itself: {weight} of its attention stays there.",
            "A[{position}, {at}] = softmax(q·kᵀ/√d) = {weight} in head {head} of layer {layer}: the diagonal is the largest weight of {token}.",
            "{weight_path} is {weight}: the argmax of that row is its own position.",
        ),
        "pt": (
            "Ao ler {token}, a cabeça {head} da camada {layer} olha sobretudo para o próprio token: {weight} da atenção fica nele.",
            "A[{position}, {at}] = softmax(q·kᵀ/√d) = {weight} na cabeça {head} da camada {layer}: o maior peso de {token} é a diagonal.",
            "{weight_path} é {weight}: o argmax dessa linha é a própria posição.",
        ),
    },
    "attention.spread": {
        "en": (
            "Its attention is spread as widely as over {places} tokens looked at alike.",
            "H = −Σ a ln a = {entropy} nats; e^H = {places} places.",
            "{entropy_path} is {entropy}; {places_path} is {places}.",
        ),
        "pt": (
            "A atenção se espalha como se fosse por {places} tokens olhados por igual.",
            "H = −Σ a ln a = {entropy} nats; e^H = {places} lugares.",
            "{entropy_path} é {entropy}; {places_path} é {places}.",
        ),
    },
    "attention.rollout": {
        "en": (
            "Through all layers together, {reached} of what stands at {token} comes from {seen}, more than from any other token.",
            "Rollout R = Πₗ ½(Āₗ + I): the largest entry of the row of {token} off the diagonal is {reached}, from {seen}.",
            "{reached_path} is {reached}, from {seen}.",
        ),
        "pt": (
            "Por todas as camadas juntas, {reached} do que está em {token} vem de {seen}, mais do que de qualquer outro token.",
            "Rollout R = Πₗ ½(Āₗ + I): o maior valor da linha de {token} fora da diagonal é {reached}, de {seen}.",
            "{reached_path} é {reached}, de {seen}.",
        ),
    },
    "role.clear": {
        "en": (
            "On random tokens that repeat, head {head} of layer {layer} gives {score} of its attention to {does} (by chance: {chance}): "
            "its role is {role}.",
            "score({role}) = mean of Σ a over {does} = {score} ≥ {threshold}, above all its other scores; uniform attention gives {chance}.",
            "{score_path} is {score}; {threshold_path} is {threshold}; {chance_path} is {chance}: {role}.",
        ),
        "pt": (
            "Em tokens aleatórios que se repetem, a cabeça {head} da camada {layer} olha para {does} com {score} da atenção (por acaso: {chance}): "
            "o seu papel é {role}.",
            "score({role}) = média de Σ a sobre {does} = {score} ≥ {threshold}, acima de todos os outros; a atenção uniforme dá {chance}.",
            "{score_path} é {score}; {threshold_path} é {threshold}; {chance_path} é {chance}: {role}.",
        ),
    },
    "role.none": {
        "en": (
            "Head {head} of layer {layer} has no clear role: of all we look for, its best is {role}, with {score} of its attention; "
            "we name a role from {threshold} on.",
            "No score passes {threshold} and beats the others; the highest is score({role}) = {score} (uniform attention: {chance}).",
            "{score_path} is {score}, and {threshold_path} is {threshold}: no clear role.",
        ),
        "pt": (
            "A cabeça {head} da camada {layer} não tem papel claro: do que procuramos, o melhor é {role}, com {score} da atenção; "
            "só damos nome a partir de {threshold}.",
            "Nenhum score passa de {threshold} e vence os outros; o maior é score({role}) = {score} (atenção uniforme: {chance}).",
            "{score_path} é {score}, e {threshold_path} é {threshold}: sem papel claro.",
        ),
    },
    "induction.accuracy": {
        "en": (
            "When random tokens come a second time, the model foresees {accuracy} of them; the first time it can only guess: {first}.",
            "Accuracy of the argmax on the repeated half: {accuracy}; on the first half: {first}.",
            "{accuracy_path} is {accuracy}; {first_path} is {first}.",
        ),
        "pt": (
            "Quando tokens aleatórios vêm pela segunda vez, o modelo prevê {accuracy} deles; na primeira só pode adivinhar: {first}.",
            "Acurácia do argmax na metade repetida: {accuracy}; na primeira metade: {first}.",
            "{accuracy_path} é {accuracy}; {first_path} é {first}.",
        ),
    },
    "induction.none": {
        "en": (
            "No head of this model is an induction head: none looks clearly at what followed the last time.",
            "No head passes the threshold of the induction score.",
            "No head: RoleReport.role(layer, head) is never induction.",
        ),
        "pt": (
            "Nenhuma cabeça deste modelo é de indução: nenhuma olha claramente para o que veio depois da última vez.",
            "Nenhuma cabeça passa do limiar do score de indução.",
            "Nenhuma cabeça: RoleReport.role(layer, head) nunca é indução.",
        ),
    },
    "induction.without": {
        "en": (
            "Without its strongest induction head (layer {layer}, head {head}) it foresees {without} instead of {accuracy}.",
            "With z of head {head} in layer {layer} set to zero the accuracy falls from {accuracy} to {without}.",
            "{without_path} is {without}; {accuracy_path} is {accuracy}.",
        ),
        "pt": (
            "Sem a sua cabeça de indução mais forte (camada {layer}, cabeça {head}) ele prevê {without} em vez de {accuracy}.",
            "Com z da cabeça {head} da camada {layer} em zero, a acurácia vai de {accuracy} a {without}.",
            "{without_path} é {without}; {accuracy_path} é {accuracy}.",
        ),
    },
    "lens.final": {
        "en": (
            "After {token} the model thinks {guess} comes next: it gives it {probability}.",
            "argmax softmax(U·norm(x)) after the last layer, at {position}: {guess}, p = {probability}.",
            "{probability_path} is {probability}: {guess}.",
        ),
        "pt": (
            "Depois de {token}, o modelo acha que vem {guess}: dá-lhe {probability}.",
            "argmax softmax(U·norm(x)) depois da última camada, em {position}: {guess}, p = {probability}.",
            "{probability_path} é {probability}: {guess}.",
        ),
    },
    "lens.settled": {
        "en": (
            "It has come to this guess by layer {layer}, where it gives it {probability}, and keeps it to the end.",
            "From layer {layer} on the lens has the argmax {guess}; there p = {probability}.",
            "{probability_path} is {probability}; the argmax is {guess} from there on.",
        ),
        "pt": (
            "Chega a esse palpite na camada {layer}, onde lhe dá {probability}, e o mantém até o fim.",
            "A partir da camada {layer} a lente tem o argmax {guess}; ali p = {probability}.",
            "{probability_path} é {probability}; o argmax é {guess} daí em diante.",
        ),
    },
    "lens.late": {
        "en": (
            "Only the last layer, {layer}, comes to this guess: before it another was the best.",
            "Only after layer {layer}, the last, the lens has the argmax {guess}; there p = {probability}.",
            "{probability_path} is {probability}; one layer before the argmax is another.",
        ),
        "pt": (
            "Só a última camada, {layer}, chega a esse palpite: antes dela o melhor era outro.",
            "Só depois da camada {layer}, a última, a lente tem o argmax {guess}; ali p = {probability}.",
            "{probability_path} é {probability}; uma camada antes o argmax é outro.",
        ),
    },
    "lens.entropy": {
        "en": (
            "How unsure it is, in nats: {early} after the first layer, {late} at the end.",
            "H(p) after layer {layer} = {early} nats; after the last = {late} nats.",
            "{early_path} is {early}; {late_path} is {late}.",
        ),
        "pt": (
            "O quanto hesita, em nats: {early} depois da primeira camada, {late} no fim.",
            "H(p) depois da camada {layer} = {early} nats; depois da última = {late} nats.",
            "{early_path} é {early}; {late_path} é {late}.",
        ),
    },
    "lens.target": {
        "en": (
            "What really follows is {target}: it had {probability}, and {rank} is its place among all tokens.",
            "p({target}) = {probability}, rank {rank}.",
            "{probability_path} is {probability}; {rank_path} is {rank}.",
        ),
        "pt": (
            "O que vem de fato é {target}: tinha {probability}, e fica em {rank}º lugar entre todos os tokens.",
            "p({target}) = {probability}, posição {rank}.",
            "{probability_path} é {probability}; {rank_path} é {rank}.",
        ),
    },
    "live.drawn": {
        "en": (
            "Drawn was {target}, which had {probability}: number {rank} of all tokens.",
            "p({target}) = {probability}, rank {rank}, before temperature and filters; then the draw.",
            "{probability_path} is {probability}; {rank_path} is {rank}; `sampling.sample` drew it.",
        ),
        "pt": (
            "Sorteado foi {target}, que tinha {probability}: o {rank}º de todos os tokens.",
            "p({target}) = {probability}, posição {rank}, antes da temperatura e dos filtros; depois o sorteio.",
            "{probability_path} é {probability}; {rank_path} é {rank}; `sampling.sample` o sorteou.",
        ),
    },
    "live.given": {
        "en": (
            "{target} was given, not drawn: the model had put {probability} on it, number {rank} of all tokens.",
            "p({target}) = {probability}, rank {rank}, before temperature and filters; the token was given, there was no draw.",
            "{probability_path} is {probability}; {rank_path} is {rank}; the token was one of `forced`.",
        ),
        "pt": (
            "{target} foi dado, não sorteado: o modelo lhe dava {probability}, o {rank}º de todos os tokens.",
            "p({target}) = {probability}, posição {rank}, antes da temperatura e dos filtros; o token foi dado, sem sorteio.",
            "{probability_path} é {probability}; {rank_path} é {rank}; o token era um dos `forced`.",
        ),
    },
    "tokens.mean": {
        "en": (
            "On average the model is as unsure about the next token as if it chose among {choices} alike.",
            "Mean surprisal −(Σ ln p)/T = {loss} nats; perplexity e^loss = {choices}.",
            "{loss_path} is {loss}; {choices_path} is {choices}.",
        ),
        "pt": (
            "Em média o modelo hesita quanto ao próximo token como se escolhesse entre {choices} opções igualmente prováveis.",
            "Surpresa média −(Σ ln p)/T = {loss} nats; perplexidade e^perda = {choices}.",
            "{loss_path} é {loss}; {choices_path} é {choices}.",
        ),
    },
    "tokens.first": {
        "en": (
            "{token} is the first token: nothing comes before it, so nothing predicts it.",
            "For {token} there is no p(token | before).",
            "logits has no row before {token}.",
        ),
        "pt": (
            "{token} é o primeiro token: nada vem antes, então nada o prevê.",
            "Para {token} não há p(token | antes).",
            "logits não tem linha antes de {token}.",
        ),
    },
    "tokens.token": {
        "en": (
            "{token} was not its first choice: it gave it {probability}, and {rank} was its place among all tokens.",
            "−ln p({token}) = {surprisal} nats, p = {probability}, rank {rank}; H = {entropy} nats.",
            "{surprisal_path} is {surprisal}; {rank_path} is {rank}; {entropy_path} is {entropy}.",
        ),
        "pt": (
            "{token} não era a sua primeira escolha: deu-lhe {probability}, e ficava em {rank}º lugar entre todos os tokens.",
            "−ln p({token}) = {surprisal} nats, p = {probability}, posição {rank}; H = {entropy} nats.",
            "{surprisal_path} é {surprisal}; {rank_path} é {rank}; {entropy_path} é {entropy}.",
        ),
    },
    "tokens.guessed": {
        "en": (
            "{token} is what it expected most: it gave it {probability}.",
            "−ln p({token}) = {surprisal} nats, p = {probability}; H = {entropy} nats.",
            "{surprisal_path} is {surprisal}; {probability_path} is {probability}.",
        ),
        "pt": (
            "{token} era o que mais esperava: deu-lhe {probability}.",
            "−ln p({token}) = {surprisal} nats, p = {probability}; H = {entropy} nats.",
            "{surprisal_path} é {surprisal}; {probability_path} é {probability}.",
        ),
    },
    "tokens.rather": {
        "en": (
            "It would rather have read {guess}, with {probability}.",
            "argmax p(· | before {token}) = {guess}, p = {probability}.",
            "{probability_path} is {probability}: {guess}.",
        ),
        "pt": (
            "Preferia ter lido {guess}, com {probability}.",
            "argmax p(· | antes de {token}) = {guess}, p = {probability}.",
            "{probability_path} é {probability}: {guess}.",
        ),
    },
    "attribution.sum": {
        "en": (
            "After {here}, {asked} is {logit}: the sum of what each part of the model adds to it or takes from it.",
            "{asked} = Σ over parts of norm(part)·{row} = {logit}.",
            "{logit_path}, {asked}, is {logit}.",
        ),
        "pt": (
            "Depois de {here}, {asked} é {logit}: a soma do que cada parte do modelo lhe acrescenta ou tira.",
            "{asked} = Σ das partes norm(parte)·{row} = {logit}.",
            "{logit_path}, {asked}, é {logit}.",
        ),
    },
    "attribution.for": {
        "en": (
            "What raises {asked} most is {part}: {share}.",
            "The largest term of {asked}: {part}, {share}.",
            "{share_path}, of {asked}, is {share}.",
        ),
        "pt": (
            "O que mais aumenta {asked}: {part}, com {share}.",
            "O maior termo de {asked}: {part}, com {share}.",
            "{share_path}, para {asked}, é {share}.",
        ),
    },
    "attribution.against": {
        "en": (
            "What lowers {asked} most is {part}: {share}.",
            "The smallest term of {asked}: {part}, {share}.",
            "{share_path}, of {asked}, is {share}.",
        ),
        "pt": (
            "O que mais diminui {asked}: {part}, com {share}.",
            "O menor termo de {asked}: {part}, com {share}.",
            "{share_path}, para {asked}, é {share}.",
        ),
    },
    "patch.zero": {
        "en": (
            "Of all {what}, number {column} in layer {layer} matters most to {asked}: silenced, that goes from {before} to {after} "
            "({delta}).",
            "Δ[{asked}] = {delta} for {point} of {one} {column} in layer {layer} set to zero: {before} → {after}.",
            "{after_path}, {asked}, is {after}; {before_path} is {before}; {delta_path} is {delta}.",
        ),
        "pt": (
            "De todas as {what}, a de número {column} da camada {layer} é a que mais pesa para {asked}: "
            "sem ela, esta vai de {before} a {after} ({delta}).",
            "Δ[{asked}] = {delta} com {point} da {one} {column} da camada {layer} em zero: {before} → {after}.",
            "{after_path}, {asked}, é {after}; {before_path} é {before}; {delta_path} é {delta}.",
        ),
    },
    "patch.mean": {
        "en": (
            "Of all {what}, number {column} in layer {layer} matters most to {asked}: with its average in its place, that goes from {before} to {after} "
            "({delta}).",
            "Δ[{asked}] = {delta} for {point} of {one} {column} in layer {layer} set to its mean over the text: {before} → {after}.",
            "{after_path}, {asked}, is {after}; {before_path} is {before}; {delta_path} is {delta}.",
        ),
        "pt": (
            "De todas as {what}, a de número {column} da camada {layer} é a que mais pesa para {asked}: "
            "com a média no lugar, esta vai de {before} a {after} ({delta}).",
            "Δ[{asked}] = {delta} com {point} da {one} {column} da camada {layer} em sua média no texto: {before} → {after}.",
            "{after_path}, {asked}, é {after}; {before_path} é {before}; {delta_path} é {delta}.",
        ),
    },
    "patch.patch": {
        "en": (
            "Of all {what}, number {column} in layer {layer} carries most of what makes the texts differ: put into the other text, it moves "
            "{asked} from {before} to {after} ({delta}).",
            "Δ[{asked}] = {delta} for {point} of {one} {column} in layer {layer} taken from the clean run: {before} → {after}.",
            "{after_path}, {asked}, is {after}; {before_path} is {before}; {delta_path} is {delta}.",
        ),
        "pt": (
            "De todas as {what}, a de número {column} da camada {layer} leva a maior parte do que distingue os textos: posta no outro texto, "
            "muda {asked} de {before} para {after} ({delta}).",
            "Δ[{asked}] = {delta} com {point} da {one} {column} da camada {layer} tirado do texto limpo: {before} → {after}.",
            "{after_path}, {asked}, é {after}; {before_path} é {before}; {delta_path} é {delta}.",
        ),
    },
    "patch.recovered": {
        "en": (
            "That is {recovered} of the way from one text to the other.",
            "(patched − corrupt) / (clean − corrupt) = {recovered}.",
            "{recovered_path} is {recovered}.",
        ),
        "pt": (
            "Isso é {recovered} do caminho de um texto ao outro.",
            "(remendado − corrompido) / (limpo − corrompido) = {recovered}.",
            "{recovered_path} é {recovered}.",
        ),
    },
    "patch.nothing": {
        "en": (
            "In both texts {asked} is {before}: there is nothing to recover.",
            "{asked}: clean − corrupt vanishes; both are {before}.",
            "{before_path}, {asked}, is {before} in both runs.",
        ),
        "pt": (
            "Nos dois textos {asked} é {before}: não há o que recuperar.",
            "{asked}: limpo − corrompido se anula; ambos são {before}.",
            "{before_path}, {asked}, é {before} nas duas execuções.",
        ),
    },
    "silence.zero": {
        "en": (
            "With {heads} silenced, the model gives {token} {after} after {here}; it was {before}.",
            "p({token} | … {here}) with z set to zero in {heads}: {before} → {after}.",
            "{after_path} is {after}; {before_path} is {before}.",
        ),
        "pt": (
            "Com {heads} em silêncio, o modelo dá a {token} {after} depois de {here}; eram {before}.",
            "p({token} | … {here}) com z zerado em {heads}: {before} → {after}.",
            "{after_path} é {after}; {before_path} é {before}.",
        ),
    },
    "silence.mean": {
        "en": (
            "With their average in the place of {heads}, the model gives {token} {after} after {here}; it was {before}.",
            "p({token} | … {here}) with z = mean(z) in {heads}: {before} → {after}.",
            "{after_path} is {after}; {before_path} is {before}.",
        ),
        "pt": (
            "Com a média no lugar de {heads}, o modelo dá a {token} {after} depois de {here}; eram {before}.",
            "p({token} | … {here}) com z = média(z) em {heads}: {before} → {after}.",
            "{after_path} é {after}; {before_path} é {before}.",
        ),
    },
    "silence.stays": {
        "en": (
            "Its best guess is still {now}, with {share}.",
            "argmax p stays {now}, p = {share}.",
            "{share_path} is {share}: still {now}.",
        ),
        "pt": (
            "O melhor palpite continua sendo {now}, com {share}.",
            "argmax p continua {now}, p = {share}.",
            "{share_path} é {share}: ainda {now}.",
        ),
    },
    "silence.turns": {
        "en": (
            "Its best guess was {guess} and now is {now}, with {share}.",
            "argmax p: {guess} → {now}, p = {share}.",
            "{share_path} is {share}: {now} in the place of {guess}.",
        ),
        "pt": (
            "O melhor palpite era {guess} e agora é {now}, com {share}.",
            "argmax p: {guess} → {now}, p = {share}.",
            "{share_path} é {share}: {now} no lugar de {guess}.",
        ),
    },
    "tensors.longest": {
        "en": (
            "Of the {kind}, {tensor} is the largest as a whole: its length is {norm}.",
            "The largest L-norm √Σx² among the {kind}: {tensor}, {norm}.",
            "{norm_path} is {norm}.",
        ),
        "pt": (
            "Entre {kind}, {tensor} é o maior como um todo: o seu comprimento é {norm}.",
            "A maior norma √Σx² entre {kind}: {tensor}, {norm}.",
            "{norm_path} é {norm}.",
        ),
    },
    "tensors.finite": {
        "en": (
            "All of their values are ordinary numbers.",
            "NaN and ±∞ do not occur: {bad}.",
            "{bad_path} is {bad}.",
        ),
        "pt": (
            "Todos os seus valores são números comuns.",
            "NaN e ±∞ não ocorrem: {bad}.",
            "{bad_path} é {bad}.",
        ),
    },
    "tensors.bad": {
        "en": (
            "{bad} of their values are not numbers any more: something overflowed.",
            "NaN or ±∞ occur in {bad} places.",
            "{bad_path} is {bad}.",
        ),
        "pt": (
            "{bad} dos seus valores já não são números: algo transbordou.",
            "NaN ou ±∞ ocorrem em {bad} lugares.",
            "{bad_path} é {bad}.",
        ),
    },
    "memory.weights": {
        "en": (
            "What the model has learned takes {weights}.",
            "Σ over parameters of size × bytes = {weights}.",
            "{weights_path} is {weights}.",
        ),
        "pt": (
            "O que o modelo aprendeu ocupa {weights}.",
            "Σ dos parâmetros tamanho × bytes = {weights}.",
            "{weights_path} é {weights}.",
        ),
    },
    "memory.cache": {
        "en": (
            "To remember {tokens} tokens while writing it needs {cache} more, {each} for each.",
            "KV cache: T · {each} = {cache} for T = {tokens}.",
            "{cache_path} is {cache}; {each_path} is {each}; {tokens_path} is {tokens}.",
        ),
        "pt": (
            "Para lembrar {tokens} tokens enquanto escreve precisa de mais {cache}, {each} para cada um.",
            "Cache KV: T · {each} = {cache} para T = {tokens}.",
            "{cache_path} é {cache}; {each_path} é {each}; {tokens_path} é {tokens}.",
        ),
    },
    **rwkv_catalogue.SENTENCES,
    "embeddings.nearest": {
        "en": (
            "Nearest to {word} stands {near}: their likeness is {cosine}.",
            "max cos(e({word}), e(v)) = {cosine}, at v = {near}.",
            "{cosine_path} is {cosine}.",
        ),
        "pt": (
            "O mais perto de {word} é {near}: a semelhança é {cosine}.",
            "max cos(e({word}), e(v)) = {cosine}, em v = {near}.",
            "{cosine_path} é {cosine}.",
        ),
    },
    "embeddings.alike": {
        "en": (
            "Of these words, {word} and {near} are most alike: {cosine}.",
            "The largest cosine between two of them: cos({word}, {near}) = {cosine}.",
            "{cosine_path} is {cosine}.",
        ),
        "pt": (
            "Destas palavras, {word} e {near} são as mais parecidas: {cosine}.",
            "O maior cosseno entre duas delas: cos({word}, {near}) = {cosine}.",
            "{cosine_path} é {cosine}.",
        ),
    },
}

# What attribution and patching measure, of one token or of two: (plain, maths, code).
ASKED: dict[str, dict[str, Levels]] = {
    "one": {
        "en": ("the score of {token}", "logit({token})", "the logit of {token}"),
        "pt": ("a nota de {token}", "logit({token})", "o logit de {token}"),
    },
    "two": {
        "en": (
            "the difference of the scores of {token} and {against}",
            "logit({token}) − logit({against})",
            "the difference of the logits of {token} and {against}",
        ),
        "pt": (
            "a diferença entre as notas de {token} e de {against}",
            "logit({token}) − logit({against})",
            "a diferença entre os logits de {token} e de {against}",
        ),
    },
}

WORDS: dict[str, dict[str, str]] = {
    "previous": {"en": "previous token", "pt": "token anterior"},
    "self": {"en": "the token itself", "pt": "o próprio token"},
    "sink": {"en": "attention sink", "pt": "ralo de atenção"},
    "duplicate": {"en": "duplicate token", "pt": "token repetido"},
    "induction": {"en": "induction", "pt": "indução"},
    "previous.does": {"en": "the token before", "pt": "o token anterior"},
    "self.does": {"en": "the token it reads", "pt": "o token que lê"},
    "sink.does": {"en": "the first token", "pt": "o primeiro token"},
    "duplicate.does": {"en": "earlier places of the same token", "pt": "lugares anteriores do mesmo token"},
    "induction.does": {"en": "what followed the same token earlier", "pt": "o que veio depois do mesmo token antes"},
    "heads": {"en": "heads", "pt": "cabeças"},
    "positions": {"en": "positions", "pt": "posições"},
    "heads.one": {"en": "head", "pt": "cabeça"},
    "positions.one": {"en": "position", "pt": "posição"},
    "row": {"en": "u", "pt": "u"},
    "rows": {"en": "(u − u′)", "pt": "(u − u′)"},
    "weights": {"en": "weights", "pt": "os pesos"},
    "activations": {"en": "activations", "pt": "as ativações"},
    "gradients": {"en": "gradients", "pt": "os gradientes"},
    "token": {"en": "the token itself", "pt": "o próprio token"},
    "position": {"en": "the position", "pt": "a posição"},
    "head": {"en": "head {head} of layer {layer}", "pt": "a cabeça {head} da camada {layer}"},
    "ffn": {"en": "the feed-forward network of layer {layer}", "pt": "a rede feed-forward da camada {layer}"},
    "attn bias": {"en": "the biases of attention in layer {layer}", "pt": "os vieses da atenção na camada {layer}"},
    "ffn bias": {"en": "the biases after layer {layer}", "pt": "os vieses depois da camada {layer}"},
    "final bias": {"en": "the bias of the final norm", "pt": "o viés da norma final"},
    **rwkv_catalogue.WORDS,
}
