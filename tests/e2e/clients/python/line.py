"""Commands come in and happenings go out, a line of JSON each (../../lib/program.js)."""
import json
import sys
import threading

writing = threading.Lock()


def say(**said):
    with writing:
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()


def answer(command, handlers):
    try:
        parameters = json.loads(command)
        say(answer=handlers[parameters.pop("do")](**parameters))
    except Exception as failure:  # whatever an SDK throws is its answer
        say(error=f"{type(failure).__name__}: {failure}")


def answer_all(handlers):
    for command in sys.stdin:
        answer(command, handlers)
