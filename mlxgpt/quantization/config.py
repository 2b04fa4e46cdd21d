"""How a model is quantised: what is asked for, and what is allowed.  No MLX here."""

from dataclasses import dataclass

from mlxgpt.config import setting
from mlxgpt.errors import ConfigError, nearest

BITS = (8, 6, 5, 4, 3, 2)
GROUP_SIZES = (32, 64, 128)
FLOATS = {"mxfp4": (4, 32), "mxfp8": (8, 32), "nvfp4": (4, 16)}  # bits and group size, which the formats fix
MODES = ("affine", *FLOATS)

# Recipe -> bits of most matrices, and of those that matter more; 0: --bits.  See `recipes`.
RECIPES: dict[str, tuple[int, int]] = {
    "even": (0, 0),
    "edges": (0, 8),
    "mixed_2_6": (2, 6),
    "mixed_3_4": (3, 4),
    "mixed_3_6": (3, 6),
    "mixed_4_6": (4, 6),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantizeConfig:
    """Bits for each number, and for which."""

    bits: int = setting(0, "bits of a number: 8, 6, 5, 4, 3 or 2; 0: what the recipe or the mode says, else 4")
    group_size: int = setting(0, "numbers that share a scale: 32, 64 or 128; 0: 64 where it fits, else 32")
    mode: str = setting(
        "affine", "how a number is written: affine (whole numbers), mxfp4, mxfp8 or nvfp4 (tiny floats)"
    )
    recipe: str = setting("even", "which matrices get more bits")
    tokens: int = setting(8192, "tokens of the text that the error is measured on")

    def __post_init__(self) -> None:
        for name, value, known in (("mode", self.mode, MODES), ("recipe", self.recipe, RECIPES)):
            if value not in known:
                raise ConfigError(f"quantize: {name} = {value!r} is not known.", hint=nearest(value, known))
        if self.mode != "affine":
            bits, group = FLOATS[self.mode]
            if self.bits not in (0, bits) or self.group_size not in (0, group) or self.recipe != "even":
                raise ConfigError(
                    f"quantize: {self.mode} always has {bits} bits in groups of {group}, and no recipe.",
                    hint="Leave --bits, --group-size and --recipe out, or take --mode affine.",
                )
            return
        if self.bits not in (0, *BITS):
            raise ConfigError(f"quantize: bits = {self.bits} cannot be had.", hint="Take 8, 6, 5, 4, 3 or 2.")
        if self.group_size not in (0, *GROUP_SIZES):
            raise ConfigError(f"quantize: group_size = {self.group_size} cannot be had.", hint="Take 32, 64 or 128.")
        low, _ = RECIPES[self.recipe]
        if low and self.bits not in (0, low):
            raise ConfigError(
                f"quantize: the recipe {self.recipe} says {low} bits, and --bits {self.bits}.",
                hint="Leave one of them out.",
            )
        if self.tokens < 2:
            raise ConfigError("quantize: the error needs at least 2 tokens to be measured on.")

    @property
    def low_bits(self) -> int:
        """Bits of most matrices."""
        if self.mode != "affine":
            return FLOATS[self.mode][0]
        return RECIPES[self.recipe][0] or self.bits or 4

    @property
    def high_bits(self) -> int:
        """Bits of those that matter more."""
        return max(self.low_bits, RECIPES[self.recipe][1] or self.low_bits)
