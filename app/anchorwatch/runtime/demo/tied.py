"""The command line, tied to the process that started it: when that goes, however it goes, this one ends in order.

python -m anchorwatch.runtime.demo.tied run --settings FILE < pipe
"""

import os
import runpy
import signal
import threading


def follow(descriptor: int) -> None:
    """SIGTERM to ourselves when the other end of the pipe is closed."""

    def watch() -> None:
        while os.read(descriptor, 4_096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="tied", daemon=True).start()


if __name__ == "__main__":
    follow(0)
    runpy.run_module("anchorwatch", run_name="__main__")  # by name: the command line lies above us
