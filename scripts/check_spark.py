"""Runs data select, data shard and extract as Spark tasks on a standalone cluster of this machine and compares the results with those of the
local command.

    python3 -m venv t && t/bin/pip install pyspark==4.0.1        # brings the engine; needs Java 17
    go run ./scripts/madebioc -mb 9 -archive 1.5 -out made
    for i in 1 2 3; do go run ./scripts/pubmedxml -citations 300 -seed $i pubmed26n000$i.xml.gz; done
    t/bin/python scripts/check_spark.py --subbert ./subbert --model RUN/model --vocab vocab.txt --archives made/*.tar.gz --pubmed pubmed26n*.xml.gz

It starts a master and two workers. While extract runs, it kills an executor of the first worker (kill -9), and the command of the second archive
fails twice. Prints a line for each verb; exit code 1 if a result differs or nothing was killed.
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import pyspark

HERE = os.path.dirname(os.path.abspath(__file__))
FLAKY = """#!/bin/sh
# Fails twice for the file $1, then runs the command behind the first two arguments.
if [ "$1" = "$2" ] && [ "$(cat "$0.count" 2>/dev/null | wc -l)" -lt 2 ]; then echo x >> "$0.count"; echo "fails on purpose" >&2; exit 1; fi
shift 2
exec "$@"
"""


def children(pid):
    """The process ids and command lines of the children of a process."""
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/stat") as f:
                parent = int(f.read().rsplit(")", 1)[1].split()[1])
            with open(f"/proc/{entry}/cmdline") as f:
                command = f.read()
        except OSError:  # it has ended
            continue
        if parent == pid:
            yield int(entry), command


def descendants(pid):
    for child, command in children(pid):
        yield child, command
        yield from descendants(child)


def kill_executor(worker, killed, stop):
    """Kills an executor of a worker as soon as it has run a command for two seconds."""
    while not stop.is_set():
        executors = [pid for pid, command in children(worker.pid) if "ExecutorBackend" in command]
        if executors and any("extract" in command for _, command in descendants(executors[0])):
            time.sleep(2)
            os.kill(executors[0], signal.SIGKILL)
            killed.append(executors[0])
            return
        time.sleep(0.1)


def content(path):
    """The bytes of a file, or of the files of a directory by name."""
    names = sorted(os.listdir(path)) if os.path.isdir(path) else [""]
    return {name: open(os.path.join(path, name) if name else path, "rb").read() for name in names}


def start(port, dir):
    """A master and two workers with one core each."""
    spark, url = os.path.join(os.environ["SPARK_HOME"], "bin", "spark-class"), f"spark://127.0.0.1:{port}"
    log = open(os.path.join(dir, "cluster.log"), "wb")
    yield subprocess.Popen([spark, "org.apache.spark.deploy.master.Master", "--host", "127.0.0.1", "--port", str(port), "--webui-port", "0"], stdout=log, stderr=log)
    while socket.socket().connect_ex(("127.0.0.1", port)) != 0:
        time.sleep(0.5)
    for _ in range(2):
        worker = ["--host", "127.0.0.1", "--cores", "1", "--memory", "1g", "--webui-port", "0", "--work-dir", os.path.join(dir, "workers"), url]
        yield subprocess.Popen([spark, "org.apache.spark.deploy.worker.Worker"] + worker, stdout=log, stderr=log)
    while open(log.name, "rb").read().count(b"Registering worker") < 2:
        time.sleep(0.5)


def verbs(a, dir):
    """name, files, end of the results' names, whether one file is made of them, command."""
    select = [a.subbert, "data", "select", "--query", "protein OR gene", "--out", "{out}", "{in}"]
    shard = [a.subbert, "data", "shard", "--vocab", a.vocab, "--out", "{out}", "{in}"]
    extract = [a.subbert, "--backend", "go", "extract", a.model, "{in}", "--negatives", "--chunk", "500", "--resume", "--out", "{out}"]
    yield "data select", a.pubmed, "", False, select
    yield "data shard", [os.path.join(dir, "spark-select", os.path.basename(f).removesuffix(".gz")) for f in a.pubmed], "", False, shard
    yield "extract", a.archives, ".tsv", True, extract


def check(a, dir, workers, name, files, end, joined, command):
    local, out = os.path.join(dir, "local-" + name.split()[-1]), os.path.join(dir, "spark-" + name.split()[-1])
    os.makedirs(local)
    began = time.time()
    here = {}
    for f in files:
        to = os.path.join(local, os.path.basename(f).removesuffix(".gz").removesuffix(".tar") + end)
        subprocess.run([c.replace("{in}", f).replace("{out}", to) for c in command], check=True, capture_output=True)
        here[os.path.basename(to)] = content(to)
    if joined:
        to = os.path.join(dir, "whole" + end)
        subprocess.run([x for c in command for x in (files if c == "{in}" else [c.replace("{out}", to)])], check=True, capture_output=True)
    seconds = time.time() - began
    killed, stop, more = [], threading.Event(), []
    if joined:
        flaky = os.path.join(dir, "flaky.sh")
        with open(flaky, "w") as f:
            f.write(FLAKY)
        command = ["sh", flaky, os.path.abspath(files[1]), "{in}"] + command
        more = ["--join", os.path.join(dir, "joined" + end)]
        threading.Thread(target=kill_executor, args=(workers[0], killed, stop), daemon=True).start()
    args = ["--master", f"spark://127.0.0.1:{a.port}", "--out", out, "--end", end, "--threads", "1"] + more + files + ["--"] + command
    run = subprocess.run([sys.executable, os.path.join(HERE, "spark_files.py")] + args, capture_output=True, text=True)
    stop.set()
    if run.returncode != 0:
        sys.exit(f"{name}: {run.stderr[-3000:]}")
    there = {n: content(os.path.join(out, n)) for n in sorted(os.listdir(out))}
    same = there == here and (not joined or content(more[1]) == content(to))
    report = json.loads(run.stdout.strip().splitlines()[-1])
    print(f"{name}: {'equal' if same else 'DIFFERENT'}; {report}; executors killed: {len(killed)}; one machine, without Spark: {seconds:.1f} s", flush=True)
    return same and bool(killed) == joined


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subbert", required=True)
    parser.add_argument("--model", required=True, help="a relation model")
    parser.add_argument("--vocab", required=True)
    parser.add_argument("--archives", nargs="+", required=True)
    parser.add_argument("--pubmed", nargs="+", required=True)
    parser.add_argument("--only", help="one of data select, data shard (needs select), extract")
    parser.add_argument("--port", type=int, default=7077)
    a = parser.parse_args()
    a.subbert, a.model, a.vocab = map(os.path.abspath, (a.subbert, a.model, a.vocab))
    a.archives, a.pubmed = [os.path.abspath(f) for f in a.archives], [os.path.abspath(f) for f in a.pubmed]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # and the cluster with it
    os.environ.update(SPARK_HOME=os.path.dirname(pyspark.__file__), PYSPARK_PYTHON=sys.executable)
    dir, cluster = tempfile.mkdtemp(prefix="check-spark-"), []
    try:
        cluster.extend(start(a.port, dir))
        ok = [check(a, dir, cluster[1:], *verb) for verb in verbs(a, dir) if a.only in (None, verb[0])]
    finally:
        for process in cluster:
            process.terminate()
            process.wait()
    sys.exit(not all(ok))


if __name__ == "__main__":
    main()
