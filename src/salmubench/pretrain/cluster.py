"""Scripts that train on several machines: the same command, with a rendezvous instead of `--standalone`."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Literal

from salmubench.core.pools import processors
from salmubench.pretrain.command import TrainingJob, torchrun, worker_words

Launcher = Literal["slurm", "torchrun"]
PORT = 29500

_SLURM = """\
#!/usr/bin/env bash
# Trains {kind}: {nodes} × {processes} processes (machines × processes on each), {batch} pairs a step.
# Submit it: sbatch FILE
# Partition, account and time are the site's: give them to sbatch, or add #SBATCH lines. The folder of the checkpoint,
# the dataset and this Python must be visible on all machines. After a failure or a time limit, submit it again: it goes
# on from the last whole epoch.
#SBATCH --job-name=salmubench-{kind}
#SBATCH --nodes={nodes}
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task={cpus}
{gpus}#SBATCH --output=salmubench-{kind}-%j.log
#SBATCH --requeue
set -euo pipefail

HEAD=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
export OMP_NUM_THREADS={threads}
export PYTHONSAFEPATH=1  # no modules from the folder where this runs

srun --kill-on-bad-exit=1 \\
{command}

# Checks the result and writes the manifest.
{finish}
"""

_TORCHRUN = """\
#!/usr/bin/env bash
# Trains {kind}: {nodes} × {processes} processes (machines × processes on each), {batch} pairs a step.
# Run it on every machine:
#     HEAD=host-of-machine-0 NODE_RANK=0 bash FILE     (… NODE_RANK={last} on the last one)
# The folder of the checkpoint, the dataset and this Python must be visible on all machines. After a failure, run it on
# all machines again: it goes on from the last whole epoch.
set -euo pipefail

: "${{HEAD:?the host name or address of machine 0}}"
: "${{NODE_RANK:?the number of this machine, 0 to {last}}}"
export OMP_NUM_THREADS={threads}
export PYTHONSAFEPATH=1  # no modules from the folder where this runs

{command}

# Checks the result and writes the manifest.
if [ "$NODE_RANK" = 0 ]; then
{finish}
fi
"""


def script(job: TrainingJob, *, launcher: Launcher, again: Sequence[str]) -> str:
    """Write the script of one pretraining.

    Args:
        launcher: `slurm`: one script for sbatch; `torchrun`: one script to run on each machine.
        again: the words of the `salmubench pretrain` call, which finds the trained weights and finishes.
    """
    config = job.config
    common = [torchrun(), "--nnodes", str(config.nodes), "--nproc_per_node", str(config.processes)]
    quoted = [shlex.quote(word) for word in common]
    if launcher == "slurm":
        quoted += ["--rdzv-backend", "c10d", "--rdzv-endpoint", f'"$HEAD:{PORT}"', "--rdzv-id", '"$SLURM_JOB_ID"']
    else:
        quoted += ["--node-rank", '"$NODE_RANK"', "--master-addr", '"$HEAD"', "--master-port", str(PORT)]
    threads = config.threads or max(1, processors() // config.processes)
    template = _SLURM if launcher == "slurm" else _TORCHRUN
    finish = shlex.join(again)
    return template.format(
        kind=job.kind,
        nodes=config.nodes,
        last=config.nodes - 1,
        processes=config.processes,
        batch=f"{config.process_batch * config.world:,}",
        cpus=config.processes * (threads + (config.workers if job.loading == "stream" else 0)),
        gpus=f"#SBATCH --gpus-per-node={config.processes}\n" if job.device == "cuda" else "",
        threads=threads,
        command=_indented([*quoted, *(shlex.quote(word) for word in worker_words(job))]),
        finish=finish if launcher == "slurm" else f"  {finish}",
    )


def _indented(words: Sequence[str]) -> str:
    """The command with an option and its value on a line, all but the last ending in a backslash."""
    lines, line = [], words[0]
    for word in words[1:]:
        if word.startswith("-"):
            lines.append(line)
            line = word
        else:
            line += f" {word}"
    return " \\\n".join(f"  {line}" for line in [*lines, line])
