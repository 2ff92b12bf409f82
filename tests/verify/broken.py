"""Limiters as users break them: the text of each file, the verdict on it, and what is said."""

from __future__ import annotations

from limitproof.check.verdict import Verdict

HEAD = """
import ctypes, os, random, signal, subprocess, sys, threading, time
import multiprocessing
from limiters.contract import Decision

class Base:
    def __init__(self, client, quota, clock):
        self.client, self.quota, self.clock = client, quota, clock

    def ask(self, key):
        counted = self.client.incr(key)
        self.client.pexpire(key, self.quota.window_ms)
        return Decision(counted <= self.quota.limit)

"""
HANGS = "the limiter hangs"
PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN
Broken = tuple[str, Verdict, str]


def limiter(body: str, before: str = "") -> str:
    """A file with a limiter whose `acquire` is this."""
    lines = "".join(f"        {line}\n" for line in body.splitlines())
    return f"{HEAD}{before}\nclass factory(Base):\n    def acquire(self, key):\n{lines}"


def asking(body: str) -> str:
    """The same that also asks, as a good limiter does."""
    return limiter(f"{body}\nreturn self.ask(key)")


ANSWERS: dict[str, tuple[str, str]] = {
    "raises": ("raise ValueError('boom')", "ValueError: boom"),
    "exits": ("sys.exit(3)", "SystemExit: 3"),
    "base": ("raise BaseException('bah')", "BaseException: bah"),
    "generator": ("raise GeneratorExit", "GeneratorExit"),
    "recursion": ("return self.acquire(key)", "RecursionError"),
    "lines": ("raise ValueError('a' + chr(10) + chr(27) + '[31m' + 'z' * 10**5)", r"a \x1b[31mzz"),
    "none": ("return None", "None, which is no Decision"),
    "yes": ("return 'yes'", "'yes', which is no Decision"),
    "tuple": ("return (True, 3)", "(True, 3), which is no Decision"),
    "truthy": ("return Decision(1)", "Decision.allowed is 1"),
    "nan left": ("return Decision(True, float('nan'))", "Decision.remaining is nan"),
    "huge left": ("return Decision(True, 10**400)", "no finite number"),
    "word left": ("return Decision(True, 'many')", "Decision.remaining is 'many'"),
    "nan wait": ("return Decision(False, 0, float('nan'))", "Decision.retry_after is nan"),
    "endless wait": ("return Decision(False, 0, float('inf'))", "Decision.retry_after is inf"),
}
REFUSED = {
    "forks": ("if os.fork() == 0: pass", "it forks its process (os.fork)"),
    "starts a process": (
        "multiprocessing.get_context('fork').Process(target=print).start()",
        "it starts a process of its own (multiprocessing)",
    ),
    "spawns a process": (
        "multiprocessing.get_context('spawn').Process(target=print).start()",
        "it starts a process of its own (multiprocessing)",
    ),
    "has a pool": (
        "multiprocessing.get_context('fork').Pool(2).map(abs, [1])",
        "it starts a process of its own (multiprocessing)",
    ),
    "ends": ("os._exit(0)", "it ends its process (os._exit)"),
    "kills its group": ("os.kill(0, 9)", "it sends signals to processes (os.kill)"),
    "takes the alarm": (
        "signal.signal(signal.SIGALRM, signal.SIG_IGN)\nwhile True: pass",
        "it takes the alarm that watches it (signal.signal)",
    ),
    "stops the alarm": (
        "signal.setitimer(signal.ITIMER_REAL, 0)\nwhile True: pass",
        "it takes the alarm that watches it (signal.setitimer)",
    ),
    "config": ("self.client.config_set('maxmemory', '1mb')", "(CONFIG)"),
    "shutdown": ("self.client.shutdown()", "(SHUTDOWN)"),
    "debug": ("self.client.execute_command('DEBUG SLEEP', 9)", "(DEBUG)"),
    "client kill": ("self.client.client_kill_filter(_type='normal')", "(CLIENT)"),
    "client pause": ("self.client.client_pause(99999)", "(CLIENT)"),
    "script kill": ("self.client.script_kill()", "(SCRIPT)"),
    "subscribes": (
        "p = self.client.pubsub()\np.subscribe(key)\nfor _ in p.listen(): pass",
        "it waits inside the server (SUBSCRIBE)",
    ),
    "asks in a thread": (
        "t = threading.Thread(target=self.ask, args=(key,))\nt.start()\nt.join()",
        "a thread or a greenlet of its own",
    ),
    "hangs": ("threading.Event().wait()", "asked Redis nothing"),
    "floods": (
        "p = self.client.pipeline(False)\n"
        "for i in range(50_000): p.set(f'{key}{i}', 'x' * 50)\n"
        "p.execute()",
        "more than 500 commands",
    ),
    "spins": ("while True: self.client.get(key)", "more than 500 commands"),
}
"""What cannot be simulated: said at once, and unknown."""
HARMLESS: dict[str, Broken] = {
    **{name: (limiter(body), FAIL, says) for name, (body, says) in ANSWERS.items()},
    **{name: (asking(body), UNKNOWN, says) for name, (body, says) in REFUSED.items()},
    "raises when made": (
        "def factory(client, quota, clock): raise ValueError('boom')",
        UNKNOWN,
        "it cannot be made: ValueError: boom",
    ),
    "makes nothing": (
        "def factory(client, quota, clock): pass",
        UNKNOWN,
        "the factory returned None, which has no method acquire(key)",
    ),
    "exits when made": (
        "import sys\ndef factory(client, quota, clock): sys.exit(1)",
        UNKNOWN,
        "it cannot be made: SystemExit: 1",
    ),
    "negative left": (limiter("return Decision(self.ask(key).allowed, -1)"), PASS, ""),
    "sleeps": (asking("time.sleep(1e4)"), PASS, ""),
    "flushes": (limiter("self.client.flushall()\nreturn self.ask(key)"), PASS, "0 of them refused"),
    "closes": (limiter("d = self.ask(key)\nself.client.close()\nreturn d"), PASS, ""),
    "deletes itself": (limiter("return self.ask(key)", "os.unlink(__file__)"), PASS, ""),
}
"""What leaves the process that judges it as it was."""
NEVER_ENDS = """
        while True:
            try: threading.Event().wait()
            except BaseException: pass
"""
TASK_GOES_ON = """
import asyncio, redis.asyncio
from limiters.contract import Decision

class Limiter:
    def __init__(self, client):
        self.client, self.task = client, None

    async def stay(self):
        while True:
            try: await asyncio.Event().wait()
            except BaseException: pass

    async def acquire(self, key):
        self.task = self.task or asyncio.create_task(self.stay())
        return Decision(await self.client.incr(key) <= 4)

def factory(client: redis.asyncio.Redis, quota, clock): return Limiter(client)
"""
SPOILING: dict[str, Broken] = {
    "goes on for ever as it is deleted": (
        asking("pass") + "    def __del__(self):" + NEVER_ENDS,
        UNKNOWN,
        "cannot be stopped",
    ),
    "has a task that goes on": (TASK_GOES_ON, UNKNOWN, "goes on when it is cancelled"),
    "closes our connections": (
        asking(
            "import socket\n"
            "for one in map(int, os.listdir('/proc/self/fd')):\n"
            "    try: path = str(socket.socket(fileno=os.dup(one)).getpeername())\n"
            "    except OSError: continue\n"
            "    if path.endswith('redis.sock'): os.close(one)"
        ),
        UNKNOWN,
        "the limiter breaks its connections",
    ),
    "keyboard": (limiter("raise KeyboardInterrupt"), UNKNOWN, "raises KeyboardInterrupt"),
    "crashes": (limiter("ctypes.string_at(0)"), UNKNOWN, "the limiter ended its process"),
    "hangs in C and lets threads run": (
        limiter(
            "m, c = ctypes.create_string_buffer(128), ctypes.CDLL(None)\n"
            "c.pthread_mutex_lock(m), c.pthread_mutex_lock(m)"
        ),
        UNKNOWN,
        HANGS,
    ),
    "closes all": (limiter("os.closerange(0, 4096)"), UNKNOWN, "the limiter ended its process"),
    "hangs in C": (limiter("sum(range(10**13))"), UNKNOWN, HANGS),
    "script for ever": (limiter("self.client.eval('while true do end', 0)"), UNKNOWN, HANGS),
    "imports for ever": (f"{HEAD}\nthreading.Event().wait()", UNKNOWN, "importing the limiter"),
    "floods": (
        limiter(
            "flood = 'for i = 1, 2000000 do redis.call(\"SET\", KEYS[1] .. i, 1) end'\n"
            "self.client.eval(flood, 1, key)\nreturn Decision(True)"
        ),
        UNKNOWN,
        HANGS,
    ),
    "all at once, and asks as it should": (
        limiter(
            "print('x' * 10**5)\n"
            "os.write(1, b'raw')\n"
            "subprocess.Popen(['sleep', '600'], start_new_session=True)\n"
            "threading.Thread(target=threading.Event().wait, daemon=True).start()\n"
            "if fork() == 0: os.setsid(), signal.pause()\n"
            "return self.ask(key)",
            "fork = ctypes.PyDLL(None).fork\n"
            "time.time = time.perf_counter = time.monotonic = lambda: 0.0\n"
            "time.sleep = random.seed = random.random = lambda *a: 0.0\n",
        ),
        PASS,
        "",
    ),
}
"""What needs a process of its own, as `limitproof verify` gives to each."""
NO_LIMITERS = {
    "syntax": ("x = 1\ndef factory(:\n", "mine.py:2: invalid syntax"),
    "missing": ("x = 1\n", "has no 'factory'"),
    "signature": ("def factory(client): ...\n", "three positional arguments"),
    "no callable": ("factory = 5\n", "not callable"),
    "no acquire": (
        "class factory:\n    def __init__(self, c, q, t): ...\n",
        "has no method acquire",
    ),
    "raises": ("1 / 0\n", "ZeroDivisionError"),
    "exits": ("import sys; sys.exit(0)\n", "SystemExit"),
    "forks": ("import os\nos.fork()\n", "it forks its process (os.fork)"),
    "has a pool": (
        "import multiprocessing\nmultiprocessing.get_context('fork').Pool(2)\n",
        "it forks its process (os.fork)",
    ),
}
"""Files that give one line, and no verdict."""
