"""System calls that the kernel refuses (Linux seccomp(2), filter mode).

A list of what is refused rather than of what is allowed: an interpreter calls too many to list them. What is on it
reaches beyond the process (sockets, other processes' memory, kernel keys, new namespaces), holds memory that no limit
counts, or has a long record of kernel bugs.
"""

from __future__ import annotations

import ctypes
import errno
import struct

from turngym.envs.sandbox.jail import linux

_ARCHITECTURES = (0xC000003E, 0xC00000B7)
"""The kernel's numbers of the instruction sets, in the order of `linux.PROCESSORS` like all tables below."""

_REFUSED: dict[str, tuple[int | None, int | None]] = {
    "socket": (41, 198),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsmount": (432, 432),
    "mount_setattr": (442, 442),
    "unshare": (272, 97),
    "setns": (308, 268),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "open_by_handle_at": (304, 265),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "syslog": (103, 116),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "kexec_load": (246, 104),
    "pidfd_getfd": (438, 438),
    "setpriority": (141, 140),
    "sched_setscheduler": (144, 119),
    "sched_setattr": (314, 274),
    "ioprio_set": (251, 30),
    "execve": (59, 221),
    "execveat": (322, 281),
}

_REFUSED_ALONGSIDE: dict[str, tuple[int | None, int | None]] = {
    "fork": (57, None),
    "vfork": (58, None),
    "setsid": (112, 157),
    "setpgid": (109, 154),
    "kill": (62, 129),
    "tkill": (200, 130),
    "tgkill": (234, 131),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "pidfd_send_signal": (424, 424),
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "lchown": (94, None),
    "fchown": (93, 55),
    "fchownat": (260, 54),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "setxattrat": (463, 463),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "removexattrat": (466, 466),
}
"""Refused too where there are no namespaces: what Landlock leaves open towards the caller's processes and files."""

_CLONE, _CLONE3, _PRLIMIT = (56, 220), 435, (302, 261)
_NEW_NAMESPACE = 0x7E02_0080
_THREAD = 0x1_0000
_X32 = 0x4000_0000

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
_ALLOW, _KILL, _ERROR = 0x7FFF_0000, 0x8000_0000, 0x0005_0000
_REFUSE = _ERROR | errno.EPERM
_UNKNOWN = _ERROR | errno.ENOSYS

_SECCOMP, _FILTER = 22, 2

Instruction = tuple[int, int, int, int]
"""Operation, how many to skip where it holds, how many where not, operand."""


def restrict(alone: bool) -> None:
    """From here on the listed calls answer `PermissionError`, in this process and its children.

    Args:
        alone: the process has a process table and a file tree of its own; otherwise it may not start processes,
            signal any, or change the rights of files either.
    """
    program = _program(linux.processor(), alone)
    packed = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *one) for one in program))
    code = struct.pack("HxxxxxxQ", len(program), ctypes.addressof(packed))
    linux.call("prctl", _SECCOMP, ctypes.c_ulong(_FILTER), code, ctypes.c_ulong(0), ctypes.c_ulong(0))


def _program(column: int, alone: bool) -> list[Instruction]:
    names = _REFUSED if alone else _REFUSED | _REFUSED_ALONGSIDE
    refused = [number for numbers in names.values() if (number := numbers[column]) is not None]
    return [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, _ARCHITECTURES[column]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, _X32),
        (_RETURN, 0, 0, _UNKNOWN),
        *(line for number in refused for line in ((_EQUAL, 0, 1, number), (_RETURN, 0, 0, _REFUSE))),
        # The C library takes the older call, whose flags a filter can read, where the newer one is unknown.
        (_EQUAL, 0, 1, _CLONE3),
        (_RETURN, 0, 0, _UNKNOWN),
        (_EQUAL, 0, 4, _PRLIMIT[column]),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_EQUAL, 0, 1, 0),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
        (_EQUAL, 1, 0, _CLONE[column]),
        (_RETURN, 0, 0, _ALLOW),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_ANY_BIT, 0, 1, _NEW_NAMESPACE),
        (_RETURN, 0, 0, _REFUSE),
        (_ANY_BIT, 1, 0, 0xFFFF_FFFF if alone else _THREAD),
        (_RETURN, 0, 0, _REFUSE),
        (_RETURN, 0, 0, _ALLOW),
    ]
