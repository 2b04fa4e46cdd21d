"""The sentences about recurrent models; `catalogue` has the others and says what they are made of."""

SENTENCES: dict[str, dict[str, tuple[str, str, str]]] = {
    "effective.most": {
        "en": (
            "Reading {token}, head {head} of layer {layer} takes most of the value of {seen}: {weight} times.",
            "y[{position}] = Σ a·v, and the largest |a| is that of {seen}, position {at}: a = {weight} in head {head} of layer {layer}.",
            "{weight_path} is {weight}: the argmax of |a| in that row, {seen}.",
        ),
        "pt": (
            "Ao ler {token}, a cabeça {head} da camada {layer} toma sobretudo o valor de {seen}: {weight} vezes.",
            "y[{position}] = Σ a·v, e o maior |a| é o de {seen}, posição {at}: a = {weight} na cabeça {head} da camada {layer}.",
            "{weight_path} é {weight}: o argmax de |a| nessa linha, {seen}.",
        ),
    },
    "effective.itself": {
        "en": (
            "Reading {token}, head {head} of layer {layer} takes most of the value of that token itself: {weight} times.",
            "y[{position}] = Σ a·v, and the largest |a| stands on the diagonal: a[{position}, {at}] = {weight} in head {head} of layer {layer}.",
            "{weight_path} is {weight}: the argmax of |a| in that row is its own position.",
        ),
        "pt": (
            "Ao ler {token}, a cabeça {head} da camada {layer} toma sobretudo o valor do próprio token: {weight} vezes.",
            "y[{position}] = Σ a·v, e o maior |a| está na diagonal: a[{position}, {at}] = {weight} na cabeça {head} da camada {layer}.",
            "{weight_path} é {weight}: o argmax de |a| nessa linha é a própria posição.",
        ),
    },
    "effective.reach": {
        "en": (
            "Over the whole text, {own} of what this head takes is of the token itself; the rest comes from {reach} tokens back on average.",
            "Σ |a| on the diagonal over Σ |a| = {own}; off it the mean distance Σ |a|·(t − i) / Σ |a| = {reach} in head {head} of layer {layer}.",
            "{own_path} is {own}; {reach_path} is {reach}.",
        ),
        "pt": (
            "No texto todo, {own} do que esta cabeça toma é do próprio token; o resto vem, em média, de {reach} tokens atrás.",
            "Σ |a| na diagonal sobre Σ |a| = {own}; fora dela a distância média Σ |a|·(t − i) / Σ |a| = {reach} na cabeça {head} da camada {layer}.",
            "{own_path} é {own}; {reach_path} é {reach}.",
        ),
    },
    "live.state": {
        "en": (
            "With {token} read, head {head} holds most of all heads in layer {layer}: its state is {norm} long.",
            "‖S[{position}]‖ = √Σ s² = {norm} in head {head} of layer {layer}, the largest of the layer.",
            "{norm_path} is {norm}: the argmax over the heads of the layer.",
        ),
        "pt": (
            "Lido {token}, a cabeça {head} é a que mais guarda na camada {layer}: o seu estado tem comprimento {norm}.",
            "‖S[{position}]‖ = √Σ s² = {norm} na cabeça {head} da camada {layer}, o maior da camada.",
            "{norm_path} é {norm}: o argmax entre as cabeças da camada.",
        ),
    },
    "state.full": {
        "en": (
            "After {token}, the state of head {head} in layer {layer} has size {norm}, spread as over {rank} of its {most} directions alike.",
            "‖S‖ = √Σ s² = {norm} after {token}, head {head} of layer {layer}; e^H of its singular values = {rank}, of at most {most}.",
            "{norm_path} is {norm}; {rank_path} is {rank}; {most_path} is {most}.",
        ),
        "pt": (
            "Depois de {token}, o estado da cabeça {head} da camada {layer} tem tamanho {norm}, como se ocupasse por igual {rank} das suas {most} direções.",
            "‖S‖ = √Σ s² = {norm} depois de {token}, cabeça {head} da camada {layer}; e^H dos valores singulares = {rank}, no máximo {most}.",
            "{norm_path} é {norm}; {rank_path} é {rank}; {most_path} é {most}.",
        ),
    },
    "state.bytes": {
        "en": (
            "All that the model remembers of the text takes {state}, after the first token as after the last.",
            "Bytes of the states, for any T: {state}.",
            "{state_path} is {state}.",
        ),
        "pt": (
            "Tudo o que o modelo lembra do texto ocupa {state}, tanto depois do primeiro token como depois do último.",
            "Bytes dos estados, para qualquer T: {state}.",
            "{state_path} é {state}.",
        ),
    },
    "decay.head": {
        "en": (
            "Head {head} of layer {layer} has forgotten half of what it wrote after {usual} tokens in its middle channel; "
            "the quickest channel takes {shortest}, the most lasting {longest}.",
            "ln(½) / ln(decay), the median over the text: the median channel of head {head} in layer {layer} has {usual} tokens, "
            "the least {shortest}, the most {longest}.",
            "{usual_path} is {usual}; {shortest_path} is {shortest}; {longest_path} is {longest}.",
        ),
        "pt": (
            "A cabeça {head} da camada {layer} esquece metade do que escreveu depois de {usual} tokens no seu canal do meio; "
            "o canal mais rápido leva {shortest}, o mais duradouro {longest}.",
            "ln(½) / ln(decaimento), a mediana no texto: o canal mediano da cabeça {head} da camada {layer} tem {usual} tokens, "
            "o menor {shortest}, o maior {longest}.",
            "{usual_path} é {usual}; {shortest_path} é {shortest}; {longest_path} é {longest}.",
        ),
    },
    "shift.parts": {
        "en": (
            "In layer {layer}, {most_part} sees most of the token before ({most}; at one it would see nothing else), "
            "and {least_part} least ({least}).",
            "x + (x₋ − x)·μ in layer {layer}: mean μ, the largest and the smallest: {most_part}, {most}; {least_part}, {least}.",
            "{most_path} is {most}; {least_path} is {least}.",
        ),
        "pt": (
            "Na camada {layer}, {most_part} é quem mais vê do token anterior ({most}; com um não veria outra coisa), "
            "e {least_part} quem menos vê ({least}).",
            "x + (x₋ − x)·μ na camada {layer}: μ médio, o maior e o menor: {most_part}, {most}; {least_part}, {least}.",
            "{most_path} é {most}; {least_path} é {least}.",
        ),
    },
    "memory.state": {
        "en": (
            "To remember {tokens} tokens while writing it needs {state} more, and for any other number of them the same.",
            "State: {state} for T = {tokens}, as for any T.",
            "{state_path} is {state}; {tokens_path} is {tokens}.",
        ),
        "pt": (
            "Para lembrar {tokens} tokens enquanto escreve precisa de mais {state}, e o mesmo para qualquer outro número deles.",
            "Estado: {state} para T = {tokens}, como para qualquer T.",
            "{state_path} é {state}; {tokens_path} é {tokens}.",
        ),
    },
}

WORDS: dict[str, dict[str, str]] = {
    "channel mixing": {"en": "the channel mixing of layer {layer}", "pt": "a mistura de canais da camada {layer}"},
    "decay": {"en": "the decay", "pt": "o decaimento"},
    "key": {"en": "the key", "pt": "a chave"},
    "value": {"en": "the value", "pt": "o valor"},
    "receptance": {"en": "the receptance", "pt": "a receptância"},
    "gate": {"en": "the gate", "pt": "a porta"},
    "rate": {"en": "the rate of correction", "pt": "a taxa de correção"},
}
