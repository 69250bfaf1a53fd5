"""Runs a subbert command on each of many files, as tasks of an Apache Spark cluster.

    python3 -m venv t && t/bin/pip install pyspark==4.0.1 && . t/bin/activate    # brings the engine; needs Java 17
    spark-class org.apache.spark.deploy.master.Master --host 127.0.0.1 --port 7077 &
    spark-class org.apache.spark.deploy.worker.Worker --cores 1 spark://127.0.0.1:7077 &    # one on each machine
    t/bin/python scripts/spark_files.py --master spark://127.0.0.1:7077 --out rows --end .tsv BioCXML.*.tar.gz -- \
        subbert extract MODEL {in} --out {out} --resume

{in} is an input file and {out} its result, OUT/NAME-OF-THE-FILE + END: a file, or a directory for data select and data shard. All machines see the
same directories. A task whose command fails, or whose worker is lost, runs again on another worker, up to --attempts times; with --resume it continues where the
last attempt stopped. Spark stores no data of ours: it only assigns files to machines. --join FILE concatenates the results in the order of the files, and
keeps one header of TSV files. Prints one JSON object: files, attempts beyond the first, seconds.
"""

import argparse
import ctypes
import json
import os
import signal
import subprocess
import sys
import time

from pyspark.sql import SparkSession


def result(path, out, end):
    """The result of a file: its name without what says how it is packed."""
    name = os.path.basename(path)
    for packed in (".gz", ".xz", ".zst", ".tar", ".tgz"):
        name = name.removesuffix(packed)
    return os.path.join(out, name + end)


def die_with_parent():
    """A command must not outlive its worker: another worker takes its file over."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def run(command, threads):
    """The function that a task runs for a file."""

    def one(pair):
        from pyspark import TaskContext

        given, out = pair
        args = [a.replace("{in}", given).replace("{out}", out) for a in command]
        env = dict(os.environ, GOMAXPROCS=str(threads)) if threads else None
        done = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env, preexec_fn=die_with_parent)
        if done.returncode != 0:
            raise RuntimeError(f"{given}: exit code {done.returncode}: {done.stderr[-2000:]}")
        return given, TaskContext.get().attemptNumber()

    return one


def join(parts, to):
    """One file of all parts, in their order; of .tsv the first header alone."""
    with open(to + ".partial", "wb") as out:
        for i, part in enumerate(parts):
            with open(part, "rb") as f:
                if to.endswith(".tsv") and i > 0:
                    f.readline()
                while block := f.read(1 << 20):
                    out.write(block)
        out.flush()
        os.fsync(out.fileno())
    os.replace(to + ".partial", to)


def main():
    if "--" not in sys.argv:
        sys.exit("want -- and a command after the files")
    at = sys.argv.index("--")
    command = sys.argv[at + 1 :]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--master", default="local[*]", help="spark://HOST:PORT; local[N] without a cluster")
    parser.add_argument("--out", required=True, help="directory of the results")
    parser.add_argument("--end", default="", help="how the names of the results end, such as .tsv")
    parser.add_argument("--join", help="file that holds all results")
    parser.add_argument("--attempts", type=int, default=4, help="of a task, before the job fails")
    parser.add_argument("--threads", type=int, default=0, help="cores of one command; 0: all of its machine")
    parser.add_argument("files", nargs="+")
    a = parser.parse_args(sys.argv[1:at])
    if not any("{in}" in c for c in command) or not any("{out}" in c for c in command):
        sys.exit("the command has no {in} or no {out}")
    files = [os.path.abspath(f) for f in a.files]
    results = [os.path.abspath(result(f, a.out, a.end)) for f in files]
    if len(set(results)) < len(results):
        sys.exit("two files have results with the same name")
    os.makedirs(a.out, exist_ok=True)
    spark = (
        SparkSession.builder.master(a.master)
        .appName("subbert " + " ".join(command[1:2]))
        .config("spark.task.maxFailures", a.attempts)
        .config("spark.ui.enabled", "false")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    began = time.time()
    pairs = spark.sparkContext.parallelize(list(zip(files, results)), len(files))
    done = pairs.map(run(command, a.threads)).collect()
    if a.join:
        join(results, a.join)
    print(json.dumps({"files": len(done), "attempts_beyond_the_first": sum(n for _, n in done), "seconds": round(time.time() - began, 1)}))
    spark.stop()


if __name__ == "__main__":
    main()
