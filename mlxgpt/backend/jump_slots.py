"""The jump slots of a loaded library: where it keeps the addresses of foreign routines it calls (Linux, ELF, glibc).

A library calls a foreign routine through a slot that the dynamic linker fills in.  Writing another address there
redirects the calls of this one library and of nobody else.  Only libraries linked without full RELRO have slots that
can be written.
Sources: the System V ABI (chapter 5, dynamic linking) and its x86-64 and AArch64 supplements.
"""

import ctypes
import os
import platform
from collections.abc import Iterable, Mapping
from pathlib import Path

_JUMP_SLOT = {"x86_64": 7, "aarch64": 1026}  # relocation types R_X86_64_JUMP_SLOT, R_AARCH64_JUMP_SLOT
_STRTAB, _SYMTAB, _PLTRELSZ, _JMPREL = 5, 6, 2, 23  # tags of the dynamic section
_SYMBOL_BYTES = 24  # sizeof(Elf64_Sym)
_RTLD_DI_LINKMAP = 2


class NoSlotsError(Exception):
    """The slots are not there or must not be written; the message says why."""


class _LinkMap(ctypes.Structure):  # <link.h>: the beginning of struct link_map
    _fields_ = [("base", ctypes.c_size_t), ("name", ctypes.c_char_p), ("dynamic", ctypes.c_void_p)]


class _Relocation(ctypes.Structure):  # <elf.h>: Elf64_Rela
    _fields_ = [("offset", ctypes.c_uint64), ("info", ctypes.c_uint64), ("addend", ctypes.c_int64)]


def find(library: Path, routines: Iterable[str]) -> dict[str, int]:
    """Routine -> address of its slot in the loaded `library`; `NoSlotsError` when one is missing or read-only."""
    kind = _JUMP_SLOT.get(platform.machine())
    if kind is None or ctypes.sizeof(ctypes.c_void_p) != 8:
        raise NoSlotsError(f"jump slots are not known on {platform.machine()}")
    base, dynamic = _dynamic_section(library)
    if not {_STRTAB, _SYMTAB, _PLTRELSZ, _JMPREL} <= dynamic.keys():
        raise NoSlotsError(f"{library.name} has no jump slots")
    wanted, slots = set(routines), {}
    count = dynamic[_PLTRELSZ] // ctypes.sizeof(_Relocation)
    for relocation in (_Relocation * count).from_address(dynamic[_JMPREL]):
        if relocation.info & 0xFFFFFFFF == kind:
            symbol = dynamic[_SYMTAB] + _SYMBOL_BYTES * (relocation.info >> 32)
            name = ctypes.string_at(dynamic[_STRTAB] + ctypes.c_uint32.from_address(symbol).value).decode()
            if name in wanted:
                slots[name] = base + relocation.offset
    if missing := wanted - slots.keys():
        raise NoSlotsError(f"{library.name} has no jump slot for {', '.join(sorted(missing))}")
    if not all(_writable(address) for address in slots.values()):
        raise NoSlotsError(f"{library.name} keeps its jump slots read-only")
    return slots


def write(slots: Mapping[str, int], addresses: Mapping[str, int]) -> dict[str, int]:
    """Put `addresses` into `slots`; what was there before."""
    before = {name: ctypes.c_size_t.from_address(slot).value for name, slot in slots.items()}
    for name, slot in slots.items():
        ctypes.c_size_t.from_address(slot).value = addresses[name]
    return before


def _dynamic_section(library: Path) -> tuple[int, dict[int, int]]:
    """Where the library was loaded, and its dynamic section: tag -> value.

    glibc has already turned the offsets of the tables into addresses.
    """
    map_ = ctypes.POINTER(_LinkMap)()
    try:
        handle = ctypes.CDLL(str(library), mode=os.RTLD_NOLOAD | os.RTLD_LAZY)._handle
        failed = ctypes.CDLL(None).dlinfo(ctypes.c_void_p(handle), _RTLD_DI_LINKMAP, ctypes.byref(map_))
    except (OSError, AttributeError) as error:
        raise NoSlotsError(f"{library.name} cannot be looked into ({error})") from None
    if failed:
        raise NoSlotsError(f"{library.name} cannot be looked into")
    entries: dict[int, int] = {}
    address = map_.contents.dynamic
    while tag := ctypes.c_uint64.from_address(address).value:
        entries[tag] = ctypes.c_uint64.from_address(address + 8).value
        address += 16
    return map_.contents.base, entries


def _writable(address: int) -> bool:
    """True when the memory map of this process lets us write 8 bytes at `address`."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        span, permissions = line.split()[:2]
        start, end = (int(part, 16) for part in span.split("-"))
        if start <= address and address + 8 <= end:
            return "w" in permissions
    return False
