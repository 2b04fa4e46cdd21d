"""WKV-6, the memory of RWKV-6: what attention is to a transformer, with a state of fixed size (Peng et al. 2024, 2404.05892).

Each head keeps a matrix S of N x N numbers.  A token writes its value v under its key k, and the next one reads with r;
between two tokens each row of S fades by a decay d of its own, which the token itself chooses:

    y_t = r_t (S_{t-1} + diag(u) k_t' v_t)          S_t = diag(d_t) S_{t-1} + k_t' v_t          d = exp(-exp(w))

`step` is that, and serves while decoding.  `chunked` computes many tokens at once and is what training and prefill use.
Both are tested equal, with their gradients.

B batch · H heads · T time · N head size (keys, values) · M chunks · L tokens of a chunk
"""

import mlx.core as mx

from mlxgpt.model import functional

CHUNK = 64  # tokens; 16 and 32 are exact too, but make more states

Result = tuple[mx.array, mx.array]


def wkv6(
    r: mx.array,
    k: mx.array,
    v: mx.array,
    w: mx.array,
    u: mx.array,
    state: mx.array | None = None,
    ends: mx.array | None = None,
) -> Result:
    """What is read, (B, H, T, N), and the state after it, (B, H, N key, N value); always computed in float32.

    r, k, v, w (B, H, T, N) · u (H, N), the bonus of a token's own value · state: before the first token, zero if None.
    After a token whose `ends` (B, T) is 1 the state is empty: a document ends there.  All of w is allowed.

    The one place where a kernel for some device would be chosen.
    """
    r, k, v, u = (x.astype(mx.float32) for x in (r, k, v, u))
    d = functional.double_exp(w.astype(mx.float32))
    bonus = (r * k * u[:, None]).sum(axis=-1)  # (B, H, T)
    if ends is not None:  # nothing passes a decay of zero
        stays = (1.0 - ends)[:, None, :, None]
        k, d = k * stays, d * stays
    if state is None:
        state = mx.zeros((*k.shape[:2], k.shape[3], v.shape[3]))
    return (step if r.shape[2] == 1 else chunked)(r, k, v, d, bonus, state)


def step(r: mx.array, k: mx.array, v: mx.array, d: mx.array, bonus: mx.array, state: mx.array) -> Result:
    """One token, T = 1: read, fade, write."""
    y = r @ state + bonus[..., None] * v
    return y, d.swapaxes(-1, -2) * state + k.swapaxes(-1, -2) @ v


def recurrent(r: mx.array, k: mx.array, v: mx.array, d: mx.array, bonus: mx.array, state: mx.array) -> Result:
    """Token after token: the definition, to compare with."""
    ys = []
    for t in range(r.shape[2]):
        r_t, k_t, v_t, d_t, bonus_t = (x[:, :, t : t + 1] for x in (r, k, v, d, bonus))
        y, state = step(r_t, k_t, v_t, d_t, bonus_t, state)
        ys.append(y)
    return mx.concatenate(ys, axis=2), state


def chunked(
    r: mx.array, k: mx.array, v: mx.array, d: mx.array, bonus: mx.array, state: mx.array, size: int = CHUNK
) -> Result:
    """Many tokens at once: matrix products inside chunks, and a state carried from chunk to chunk."""
    T = r.shape[2]
    size = min(size, 1 << (T - 1).bit_length())
    r, k, v, bonus = (split_chunks(x, size) for x in (r, k, v, bonus))  # (B, H, M, L, …)
    d = split_chunks(d, size, 1.0)  # what fills the last chunk writes nothing and forgets nothing
    A, q, kept, W = decay_tree(r, k, d, bonus)
    written = kept.swapaxes(-1, -2) @ v  # (B, H, M, N, N): what each chunk adds to the state
    y = A @ v
    states = []
    for W_chunk, written_chunk in zip(apart(W[..., None], 2), apart(written, 2), strict=True):
        states.append(state)
        state = W_chunk * state + written_chunk
    y = y + q @ mx.stack(states, axis=2)  # (B, H, M, L, N)
    return y.reshape(*y.shape[:2], -1, y.shape[-1])[:, :, :T], state


def decay_tree(r: mx.array, k: mx.array, d: mx.array, bonus: mx.array) -> tuple[mx.array, ...]:
    """All that tokens of a chunk have to do with each other and with the state, by merging neighbours pairwise.

    r, k, d (…, L, N), bonus (…, L) -> A (…, L, L), what token t takes of the value of token i; q (…, L, N), what it
    reads of the state before the chunk; kept (…, L, N), what is left of its key at the chunk's end; W (…, N), the decay
    of the whole chunk.

    Token t sees token i through the product of all decays between them.  The usual way to write that as a matrix
    product, exp(sum up to t) * exp(-sum up to i), overflows, because a decay may be e^-148.  Here a block of tokens
    knows its queries' decay since its start, its keys' decay until its end, and its whole decay W; two neighbours
    become one:

        A = [A_left   0      ]      q    = [q_left,           q_right * W_left]
            [q_r k_l' A_right]      kept = [kept_left * W_right, kept_right   ]      W = W_left * W_right

    Every factor is a product of decays, so at most 1: no division, no overflow, and a product that becomes 0 should.
    """
    *outer, L, N = r.shape
    A, q, kept, W = bonus[..., None, None], r[..., None, :], k[..., None, :], d  # L blocks of one token
    while W.shape[-2] > 1:
        s, blocks = q.shape[-2], W.shape[-2] // 2
        (q_left, q_right), (k_left, k_right) = (_pairs(x, (blocks, 2, s, N)) for x in (q, kept))
        (A_left, A_right), (W_left, W_right) = _pairs(A, (blocks, 2, s, s)), _pairs(W, (blocks, 2, N))
        across = q_right @ k_left.swapaxes(-1, -2)  # (…, s, s)
        top = mx.concatenate([A_left, mx.zeros_like(A_left)], axis=-1)
        A = mx.concatenate([top, mx.concatenate([across, A_right], axis=-1)], axis=-2)
        q = mx.concatenate([q_left, q_right * W_left[..., None, :]], axis=-2)
        kept = mx.concatenate([k_left * W_right[..., None, :], k_right], axis=-2)
        W = W_left * W_right
    return A.reshape(*outer, L, L), q.reshape(*outer, L, N), kept.reshape(*outer, L, N), W.reshape(*outer, N)


def _pairs(x: mx.array, inner: tuple[int, ...]) -> tuple[mx.array, mx.array]:
    """The left and the right of each pair of neighbours; `inner` is the shape (blocks, 2, …) that x ends in."""
    outer = x.ndim - len(inner) + 1
    left, right = apart(x.reshape(*x.shape[:outer], *inner), outer + 1)
    return left, right


def apart(x: mx.array, axis: int) -> list[mx.array]:
    """The parts of x along an axis.  The gradient of one split is one concatenation, that of many slices many arrays."""
    return [part.squeeze(axis) for part in mx.split(x, x.shape[axis], axis=axis)]


def split_chunks(x: mx.array, size: int, filler: float = 0.0) -> mx.array:
    """(B, H, T, …) -> (B, H, M, L, …), the last chunk filled up."""
    missing = -x.shape[2] % size
    if missing:
        x = mx.pad(x, [(0, 0), (0, 0), (0, missing), *[(0, 0)] * (x.ndim - 3)], constant_values=filler)
    return x.reshape(*x.shape[:2], -1, size, *x.shape[3:])
