"""WKV-7, the memory of RWKV-7: a state that a token can also correct (Peng et al. 2025, 2503.14456).

As in WKV-6 each head keeps a matrix S, here with values as rows and keys as columns: S k' is what it holds under a key
k.  A token fades all of S and corrects it: what S held under the direction a, S a', is added under the direction b.
Then it writes its own value v under its key k, and reads with r, its own value included:

    S_t = S_{t-1} (diag(exp lw_t) + a_t' b_t) + v_t' k_t          y_t' = S_t r_t'          (a, b, k, v, r and y are rows)

RWKV-7 gives a = -kk and b = kk * rate, with |kk| = 1: the share `rate` of what was stored under kk is taken out, all of it
when the rate is 1, which is the delta rule.  (The authors call the rate a; here a is the direction.)  The logarithm of
the decay, lw, is between -0.61 and 0, always.  `step` is the definition; `chunked` computes many tokens at once.

B batch · H heads · T time · N head size (keys, values) · M chunks · L tokens of a chunk
"""

import mlx.core as mx

from mlxgpt.model import functional
from mlxgpt.model.wkv6 import Result, apart, split_chunks

CHUNK = 32  # tokens
LONG = 512  # tokens, from which twice the chunk is faster by a fifth: half as many states; below it costs a fifth


def wkv7(
    r: mx.array,
    lw: mx.array,
    k: mx.array,
    v: mx.array,
    a: mx.array,
    b: mx.array,
    state: mx.array | None = None,
    ends: mx.array | None = None,
) -> Result:
    """What is read, (B, H, T, N), and the state after it, (B, H, N value, N key); always computed in float32.

    r, lw, k, v, a, b (B, H, T, N), lw in (-0.61, 0) · state: before the first token, zero if None.  After a token whose
    `ends` (B, T) is 1 the state is empty: a document ends there.

    The one place where a kernel for some device would be chosen.
    """
    r, lw, k, v, a, b = (x.astype(mx.float32) for x in (r, lw, k, v, a, b))
    if state is None:
        state = mx.zeros((*k.shape[:2], v.shape[3], k.shape[3]))
    return (step if r.shape[2] == 1 else chunked)(r, lw, k, v, a, b, state, ends)


def step(
    r: mx.array,
    lw: mx.array,
    k: mx.array,
    v: mx.array,
    a: mx.array,
    b: mx.array,
    state: mx.array,
    ends: mx.array | None = None,
) -> Result:
    """One token, T = 1: fade, correct, write, read."""
    found = state @ a.swapaxes(-1, -2)  # (B, H, N, 1): what the state holds under a
    state = state * mx.exp(lw) + found @ b + v.swapaxes(-1, -2) @ k
    y = r @ state.swapaxes(-1, -2)
    return y, state if ends is None else state * (1.0 - ends)[:, None, :, None]


def recurrent(
    r: mx.array,
    lw: mx.array,
    k: mx.array,
    v: mx.array,
    a: mx.array,
    b: mx.array,
    state: mx.array,
    ends: mx.array | None = None,
) -> Result:
    """Token after token: the definition, to compare with."""
    ys = []
    for t in range(r.shape[2]):
        r_t, lw_t, k_t, v_t, a_t, b_t = (x[:, :, t : t + 1] for x in (r, lw, k, v, a, b))
        y, state = step(r_t, lw_t, k_t, v_t, a_t, b_t, state, None if ends is None else ends[:, t : t + 1])
        ys.append(y)
    return mx.concatenate(ys, axis=2), state


def chunked(
    r: mx.array,
    lw: mx.array,
    k: mx.array,
    v: mx.array,
    a: mx.array,
    b: mx.array,
    state: mx.array,
    ends: mx.array | None = None,
    size: int = 0,
) -> Result:
    """Many tokens at once, in chunks of `size` (0: what is fast).

    Inside a chunk, with Λ_t the sum of lw up to t and S_0 the state before (in this function with keys as rows), what
    token t finds under a is

        u_t = (a_t e^Λ_{t-1}) S_0 + sum over i < t of (a_t e^(Λ_{t-1} - Λ_i) b_i') u_i + (a_t e^(Λ_{t-1} - Λ_i) k_i') v_i

    because each earlier token i wrote back u_i under b_i and wrote v_i under k_i.  Names, for all tokens of the chunk:

        A_ab, A_ak     (L, L) what t finds under a of what i left under b and under k: the brackets above
        A_rb, A_rk     (L, L) the same for what t reads; its own token counts too
        ã, r̃           (L, N) `removes`, `reads`: a and r as they meet the state before the chunk, a_t e^Λ_{t-1}, r_t e^Λ_t
        b̂, k̂           (L, N) `changes`, `writes`: what is left of b and k at the chunk's end, b_i e^(Λ_L - Λ_i)

    U is on both sides: a triangular system, solved once for all tokens, U = M (ã S_0 + A_ak V), M = (I - A_ab)^-1.
    With it, what is read and what the chunk leaves are matrix products:

        y = (r̃ + A_rb M ã) S_0 + (A_rk + A_rb M A_ak) V          S_L = P S_0 + Q
        P = diag(e^Λ_L) + b̂' M ã          Q = k̂' V + b̂' M A_ak V
    """
    T = r.shape[2]
    size = size or (CHUNK if T < LONG else 2 * CHUNK)
    size = min(size, 1 << (T - 1).bit_length())
    r, lw, k, v, a, b = (split_chunks(x, size) for x in (r, lw, k, v, a, b))  # (B, H, M, L, N)
    e = functional.bounded_exp(_from_the_middle(size) @ lw)  # e^(Λ_t - Λ_middle), t = 0 … L: (B, H, M, L + 1, N)
    first, between, last = mx.split(e, [1, size], axis=-2)
    previous, here = mx.concatenate([first, between], axis=-2), mx.concatenate([between, last], axis=-2)
    inverse = 1.0 / here
    removes, reads = a * previous, r * here  # a_t e^Λ_{t-1}, r_t e^Λ_t, with Λ from the chunk's middle for now
    changes, writes = (
        b * inverse,
        k * inverse,
    )  # b_i e^-Λ_i, k_i e^-Λ_i: the product of the two is what the brackets say
    earlier, until, from_state, to_state, passes = _masks(size, ends)
    changes_T, writes_T = changes.swapaxes(-1, -2), writes.swapaxes(-1, -2)
    A_ab, A_ak = (removes @ changes_T) * earlier, (removes @ writes_T) * earlier
    A_rb, A_rk = (reads @ changes_T) * until, (reads @ writes_T) * until
    begin, end = (1.0 / first) * from_state, last * to_state
    removes, reads = removes * begin, reads * begin  # ã, r̃: now decayed since the chunk began
    changes, writes = changes * end, writes * end  # b̂, k̂: now decayed until its end

    M = inverse_of_one_minus(A_ab)
    of_state, of_values = (
        M @ removes,
        M @ (A_ak @ v),
    )  # what is found of the state before, and of the chunk's own values
    P = changes.swapaxes(-1, -2) @ of_state + mx.eye(r.shape[-1]) * (last / first * passes)
    Q = changes.swapaxes(-1, -2) @ of_values + writes.swapaxes(-1, -2) @ v

    state = state.swapaxes(-1, -2)  # keys as rows
    states = []
    for P_chunk, Q_chunk in zip(apart(P, 2), apart(Q, 2), strict=True):
        states.append(state)
        state = P_chunk @ state + Q_chunk
    y = (reads + A_rb @ of_state) @ mx.stack(states, axis=2) + A_rb @ of_values + A_rk @ v  # (B, H, M, L, N)
    return y.reshape(*y.shape[:2], -1, y.shape[-1])[:, :, :T], state.swapaxes(-1, -2)


def _from_the_middle(size: int) -> mx.array:
    """(L + 1, L): times lw, the sums of lw from the middle of a chunk to each place between two tokens.

    Seen from the middle no sum is beyond 0.61 * L / 2, so that e^sum and e^-sum are both harmless numbers.
    """
    place, token, middle = mx.arange(size + 1)[:, None], mx.arange(size)[None], size // 2
    after = (token >= middle) & (token < place)
    before = (token < middle) & (token >= place)
    return after.astype(mx.float32) - before.astype(mx.float32)


def _masks(size: int, ends: mx.array | None) -> tuple[mx.array, ...]:
    """Who sees whom, 1 or 0: tokens earlier ones, and those until their own, (L, L) each; tokens that see the state before
    the chunk and those that the state after it sees, (L, 1) each; whether the one passes into the other, (1, 1).

    u looks at earlier tokens, y at its own too.  With `ends` (B, T) only within a document; then (B, 1, M, …).
    """
    row, column = mx.arange(size)[:, None], mx.arange(size)[None]
    earlier, until = (column < row).astype(mx.float32), (column <= row).astype(mx.float32)
    one = mx.ones((1, 1))
    if ends is None:
        return earlier, until, one, one, one
    ends = split_chunks(ends[:, None], size)[..., None]  # (B, 1, M, L, 1)
    document = mx.cumsum(ends, axis=-2) - ends  # how many documents of the chunk ended before
    documents = ends.sum(axis=-2, keepdims=True)
    same = (document == document.swapaxes(-1, -2)).astype(mx.float32)
    first, last = (document == 0).astype(mx.float32), (document == documents).astype(mx.float32)
    return earlier * same, until * same, first, last, (documents == 0).astype(mx.float32)


@mx.custom_function
def inverse_of_one_minus(A: mx.array) -> mx.array:
    """(I - A)^-1 for A (…, L, L) that is zero on and above its diagonal, L a power of two.

    Inverses of diagonal blocks are merged pairwise: with Y the part of A that leads from a block to its neighbour,
    [I - A_left, 0; -Y, I - A_right]^-1 = [M_left, 0; M_right Y M_left, M_right].  The usual product
    (I + A)(I + A^2)(I + A^4)… is the same on paper, but where a key repeats its powers grow to 1e8 before they cancel.
    """
    L = A.shape[-1]
    block, M, s = mx.arange(L), mx.eye(L), 1
    while s < L:
        row, column = block[:, None] // s, block[None] // s
        Y = A * ((row == column + 1) & (row % 2 == 1))
        M = M + M @ (Y @ M)
        s *= 2
    return M


@inverse_of_one_minus.vjp
def _(A: mx.array, cotangent: mx.array, M: mx.array) -> mx.array:
    M = M.swapaxes(-1, -2)
    return M @ cotangent @ M
