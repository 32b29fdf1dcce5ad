"""Random cases of every operator, by Hone and by ONNX Runtime.

  run.py LIBHONE [--seed N] [--cases N] [--only OP...] [--workers N] [--seconds N] [--verbose]

Each operator is drawn until --cases results were compared. Workers are processes of their own: one
that dies or hangs costs its case, which is reported, and is started again. What disagrees is shrunk
and printed; the exit status is 0 where nothing is left unexplained."""
import argparse
import collections
import multiprocessing
import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))

try:
    import judge
    import table
except ImportError as missing:
    print(f"differential: skipped, {missing}")
    sys.exit(77)

TRIES = 6      # draws for each case that is wanted
SHOWN = 3      # disagreements shrunk and printed for one operator
HANG = 30      # seconds for one case

Task = collections.namedtuple("Task", "key seed first cases")


def case_seed(task, index):
    return f"{task.seed}/{task.key[0]}/{task.key[1]}/{index}"


def work(library, tasks, pipe, until):
    """A worker: takes operators, tells before each case which one it is, and afterwards how it
    went."""
    judging = judge.Judge(library)
    while (task := tasks.recv()) is not None:
        compared = shown = 0
        index = task.first
        while compared < task.cases and index < task.cases * TRIES and time.time() < until:
            pipe.send(("begin", task.key, index, compared))
            case, numbers = judge.draw_case(task.key, case_seed(task, index))
            index += 1
            if case is None:
                pipe.send(("verdict", task.key, index - 1, judge.Verdict("none"), ""))
                continue
            verdict = judging.judge(case)
            compared += verdict.kind in judge.COMPARED
            text = ""
            if verdict.kind in judge.WRONG:
                shown += 1
                if shown <= SHOWN:
                    small = judge.simplest(task.key, numbers, verdict.kind, judging.judge)
                    text = f"{small.text()}\n    {judging.judge(small).text}"
            pipe.send(("verdict", task.key, index - 1, verdict, text))
        pipe.send(("end", task.key, index, compared))


class Worker:
    def __init__(self, library, until):
        self.library, self.until = library, until
        self.process = None
        self.task = None
        self.start()

    def start(self):
        ours, theirs = multiprocessing.Pipe()
        tasks, self.tasks = multiprocessing.Pipe(duplex=False)
        self.pipe = ours
        self.process = multiprocessing.Process(
            target=work, args=(self.library, tasks, theirs, self.until), daemon=True)
        self.process.start()
        theirs.close()
        tasks.close()
        self.at, self.since = None, time.time()

    def give(self, task):
        self.task = task
        self.at, self.since = None, time.time()
        self.tasks.send(task)

    def restart(self):
        self.process.kill()
        self.process.join()
        self.pipe.close()
        self.start()


class Tally:
    def __init__(self, seed, verbose):
        self.seed, self.verbose = seed, verbose
        self.counts = collections.defaultdict(collections.Counter)
        self.reasons = collections.defaultdict(collections.Counter)
        self.known = collections.Counter()

    def add(self, key, index, verdict, text):
        self.counts[key][verdict.kind] += 1
        if verdict.kind == "known":
            self.known[verdict.text] += 1
        elif verdict.kind not in ("agree", "none"):
            self.reasons[key, verdict.kind][verdict.text[:300]] += 1
        if text:
            where = f"{verdict.kind}: seed {self.seed}, case {index} of {key[1]}"
            print(f"{where}; simplest:\n  {text}", flush=True)

    def report(self, cases):
        compared = {key: sum(c[k] for k in judge.COMPARED) for key, c in self.counts.items()}
        for key, counts in sorted(self.counts.items()):
            if self.verbose or compared[key] < cases:
                kinds = ", ".join(f"{n} {kind}" for kind, n in sorted(counts.items()))
                print(f"{key[0] or 'ai.onnx'} {key[1]}: {kinds}")
                for kind in ("unsupported", "invalid", "lacking") if self.verbose else ():
                    for text, n in self.reasons[key, kind].most_common(3):
                        print(f"    {kind} {n}: {text}")
        for says, n in sorted(self.known.items()):
            print(f"known {n}: {says}")
        wrong = sum(c[k] for c in self.counts.values() for k in judge.WRONG)
        full = sum(n >= cases for n in compared.values())
        print(f"differential: seed {self.seed}, {len(self.counts)} operators, {full} of them with "
              f"{cases} cases or more, {sum(compared.values())} cases compared, "
              f"{sum(self.known.values())} of them known, {wrong} disagreements unexplained")
        return wrong


def handle(worker, tally, message):
    kind, key, index, *rest = message
    worker.since = time.time()
    if kind == "begin":
        worker.at = (index, rest[0])
    elif kind == "verdict":
        tally.add(key, index, *rest)
    else:
        worker.task = None


def lost(worker, tally, why):
    """The worker's process is gone or hangs: its case is told, the rest goes to a new one."""
    task, at = worker.task, worker.at or (0, 0)
    case, numbers = judge.draw_case(task.key, case_seed(task, at[0]))
    text = case.text() if case else "no case was drawn"
    tally.add(task.key, at[0], judge.Verdict("crash", why), f"{text}\n    {why}")
    worker.restart()
    worker.give(task._replace(first=at[0] + 1, cases=max(1, task.cases - at[1])))


def run(options, keys):
    until = time.time() + options.seconds
    tally = Tally(options.seed, options.verbose)
    waiting = [Task(key, options.seed, 0, options.cases) for key in keys][::-1]
    workers = [Worker(options.library, until + HANG) for _ in range(options.workers)]
    while waiting or any(w.task for w in workers):
        for worker in workers:
            if worker.task is None and waiting:
                if time.time() > until:
                    waiting.clear()
                else:
                    worker.give(waiting.pop())
        for ready in multiprocessing.connection.wait([w.pipe for w in workers], timeout=1):
            worker = next(w for w in workers if w.pipe is ready)
            try:
                handle(worker, tally, ready.recv())
            except EOFError:
                worker.process.join()
                if worker.task is None:
                    raise SystemExit("differential: a worker without a task ended")
                lost(worker, tally, f"the process ended with {worker.process.exitcode}")
        for worker in workers:
            if worker.task is not None and time.time() - worker.since > HANG:
                lost(worker, tally, f"more than {HANG} s")
    for worker in workers:
        worker.tasks.send(None)
    return tally.report(options.cases)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("library")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    multiprocessing.set_start_method("fork")
    keys = [key for key in sorted(table.load()) if not options.only or key[1] in options.only]
    sys.exit(1 if run(options, keys) else 0)


if __name__ == "__main__":
    main()
