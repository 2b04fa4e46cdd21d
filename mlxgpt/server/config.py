"""How models are served: where, to whom, and how much at once.  No MLX here."""

import ipaddress
from dataclasses import dataclass

from mlxgpt.config import setting
from mlxgpt.errors import ConfigError

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]", "::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeConfig:
    """Everything that has a limit here is refused beyond it, so that nobody can fill the memory from outside."""

    host: str = setting("127.0.0.1", "the address to listen at; anything but this machine's own needs an API key")
    port: int = setting(8080, "the port; 0 takes a free one")
    api_key: str = setting("", "what clients must send as their API key; empty: nothing")
    batch_size: int = setting(16, "texts written side by side")
    queue: int = setting(64, "texts that may wait; more are told to come back later (429)")
    kv_bits: int = setting(0, "bits of each number in the cache of keys and values: 8 or 4; 0: as they are computed")
    max_tokens: int = setting(2048, "most tokens of one text")
    max_body_bytes: int = setting(1 << 20, "largest request")
    cors_origins: tuple[str, ...] = setting((), "web pages that may call from a browser, such as http://localhost:3000")
    allowed_hosts: tuple[str, ...] = setting((), "names besides localhost under which the server may be called")

    def __post_init__(self) -> None:
        for name, least in (("port", 0), ("batch_size", 1), ("queue", 0), ("max_tokens", 1), ("max_body_bytes", 1024)):
            if getattr(self, name) < least:
                raise ConfigError(f"serve: {name} = {getattr(self, name)} is below {least}.")
        if self.kv_bits not in (0, 8, 4):
            raise ConfigError(f"serve: kv_bits = {self.kv_bits} cannot be had.", hint="It may be 8 or 4; 0 is off.")
        if self.port > 65535:
            raise ConfigError(f"serve: there is no port {self.port}.", hint="Ports end at 65535.")
        if not self.local and not self.api_key:
            raise ConfigError(
                f"At {self.host} other machines can call, and there is no API key.",
                hint="Set MLXGPT_API_KEY, or leave --host out.",
            )
        if "*" in self.cors_origins:
            raise ConfigError(
                "serve: every web page there is may not call.", hint="Name the pages, such as http://localhost:3000."
            )

    @property
    def local(self) -> bool:
        """Whether only this machine can reach the address."""
        return is_local(self.host)


def is_local(host: str) -> bool:
    """Whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
