"""Run notebooks, several at once; whatever stops one leaves its run up to there."""

import time
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import suppress

import nbformat
import psutil
from nbclient import NotebookClient
from nbclient.exceptions import CellControlSignal, CellExecutionError, DeadKernelError
from nbconvert.preprocessors import CoalesceStreamsPreprocessor
from tqdm import tqdm

from segmentation import files
from segmentation.notebook import NotApplicable

#: Seconds after which a Chrome that draws a figure counts as stuck; it takes some five.
MOST_SECONDS_OF_CHROME = 120


class NotebookError(RuntimeError):
    """A notebook failed; the message names the cell and the error."""


def execute(paths, folder, finish, at_once=1):
    """Run notebooks, each in its own folder, with a progress bar over the cells of all.

    One that ends early, as by `segmentation.notebook.end_notebook`, is cut off there.

    Parameters
    ----------
    paths : list of Path
    folder : Path
        Where the run of a notebook that fails or is stopped is left, as ``<name>.failed.ipynb``.
    finish : callable
        ``finish(path, notebook)`` is called as soon as one has run, with its outputs.
    at_once : int, optional
        How many may run at the same time. The others give way to the first, which is best the
        longest: the end is not reached before its end.

    Raises
    ------
    NotebookError
        If a cell fails or a kernel dies; the others are stopped.
    KeyboardInterrupt
        If it is stopped, with a message of where.
    """
    if not paths:
        return
    folder.mkdir(exist_ok=True)
    runs = [
        _Run(path, folder / f"{path.stem}.failed.ipynb", gives_way=at_once > 1 and path != paths[0])
        for path in paths
    ]
    n_cells = sum(len(run.codes) for run in runs)
    # Without these two, the line stands still where quick cells are followed by a slow one.
    bar = tqdm(total=n_cells, unit=" cells", mininterval=0, miniters=1)
    with bar, ThreadPoolExecutor(at_once) as pool:

        def work(run):
            finish(run.path, run.execute(lambda: _show(bar, runs)))

        started = [pool.submit(work, run) for run in runs]
        try:
            failed = _wait(started, runs)
        except KeyboardInterrupt:
            _stop(runs, pool)
            raise KeyboardInterrupt(_messages(started)) from None
        if failed:
            _stop(runs, pool)
            # Those at fault last, as the last line is read first.
            raise NotebookError(_messages(sorted(started, key=failed.__contains__)))


def _show(bar, runs):
    with bar.get_lock():
        bar.set_description(", ".join(run.path.stem for run in runs if run.runs), refresh=False)
        bar.update(sum(run.n_done for run in runs) - bar.n)


def _wait(started, runs):
    """Wait for all, or for the first error, and return what failed."""
    while True:
        for run in runs:
            run.end_stuck_chrome()
        # In steps, as Windows hears Ctrl-C only between them.
        done, left = wait(started, timeout=1, return_when=FIRST_EXCEPTION)
        failed = [work for work in done if work.exception()]
        if failed or not left:
            return failed


def _stop(runs, pool):
    for run in runs:
        run.stop()
    pool.shutdown(cancel_futures=True)


def _messages(started):
    """Return what ended notebooks before their end; of what is unforeseen, the error itself."""
    errors = [work.exception() for work in started if not work.cancelled() and work.exception()]
    for error in errors:
        if not isinstance(error, NotebookError):
            raise error
    return "\n".join(map(str, errors))


class _Run:
    """A notebook, and how far it has run."""

    def __init__(self, path, failed, gives_way):
        self.path, self.failed, self.gives_way = path, failed, gives_way
        self.notebook = nbformat.read(path, as_version=4)
        cells = self.notebook.cells
        self.codes = [i for i, cell in enumerate(cells) if cell.cell_type == "code"]
        for i in self.codes:
            cells[i].update(outputs=[], execution_count=None)
        self.n_done, self.runs, self.stopped = 0, False, False
        self.pid, self.next_look = None, 0.0
        self.client = NotebookClient(
            self.notebook,
            record_timing=False,
            # By default, what a busy kernel sends later than four seconds is lost without a word.
            iopub_timeout=600,
            raise_on_iopub_timeout=True,
            # Else every kernel warns that it talks over TCP, and one that is stopped shows its
            # inside.
            extra_arguments=["--log-level=50"],
        )

    def execute(self, progress):
        """Run the cells, calling `progress` after each, and return the notebook.

        Raises
        ------
        NotebookError
            If a cell fails, the kernel dies, or `stop` was called. The run up to there is left.
        """
        try:
            self._run_cells(progress)
        except (CellControlSignal, RuntimeError) as error:
            if getattr(error, "ename", None) != NotApplicable.__name__:
                raise self._leave(error) from error
            self._end_early(error.evalue)
            progress()
        self.failed.unlink(missing_ok=True)
        return _with_last_states(self.notebook)

    def stop(self):
        """Kill the kernel, which ends `execute`."""
        self.stopped = True
        if self.runs and self.client.km and self.client.km.has_kernel:
            self.client.km.provisioner.process.kill()

    def end_stuck_chrome(self):
        """Kill a Chrome that hangs: the figure comes without a PNG, where it never would come.

        Nothing in kaleido ends one that starts and does not answer, as was seen on a busy machine.
        """
        if not self.runs or time.monotonic() < self.next_look:
            return
        self.next_look = time.monotonic() + MOST_SECONDS_OF_CHROME / 10
        with suppress(psutil.Error):  # It may have ended by itself.
            for process in psutil.Process(self.pid).children(recursive=True):
                age = time.time() - process.create_time()
                if "chrom" in process.name().lower() and age > MOST_SECONDS_OF_CHROME:
                    process.kill()

    def _run_cells(self, progress):
        # Cell by cell: the client's own loop tells nobody how far it is.
        with self.client.setup_kernel(cwd=str(self.path.parent)):
            self.pid = self.client.km.provisioner.pid
            self.runs = True
            if self.gives_way:
                _give_way(self.pid)
            progress()
            try:
                for i in self.codes:
                    if self.stopped:
                        raise DeadKernelError
                    self.client.execute_cell(self.notebook.cells[i], i)
                    self.n_done += 1
                    progress()
            finally:
                self.runs = False

    def _leave(self, error):
        """Leave the run of a notebook up to an error, and return one that says where."""
        files.write_text(self.failed, nbformat.writes(self.notebook))
        source = self.notebook.cells[self.codes[self.n_done]].source
        line = next(iter(source.splitlines()), "")
        where = f"{self.path.name}, cell {self.n_done + 1} of {len(self.codes)} ({line})"
        what = "stopped." if self.stopped else _in_short(error)
        return NotebookError(f"{where}: {what}\nThe run up to there: {self.failed}")

    def _end_early(self, reason):
        """Cut off the cells that the notebook did not come to, and keep the reason of its end."""
        self.notebook.metadata["ended"] = reason
        last = self.codes[self.n_done]
        del self.notebook.cells[last + 1 :]
        cell = self.notebook.cells[last]
        cell.outputs = [output for output in cell.outputs if output.output_type != "error"]
        self.n_done = len(self.codes)


def _give_way(pid):
    """Let other processes go before one."""
    process = psutil.Process(pid)
    lower = getattr(psutil, "BELOW_NORMAL_PRIORITY_CLASS", min(process.nice() + 10, 19))
    process.nice(lower)


def _in_short(error):
    """Say in one line what ended a notebook."""
    if isinstance(error, DeadKernelError):
        return "the kernel died, most often for want of memory."
    named = error if isinstance(error, CellExecutionError) else None
    said = f"{named.ename}: {named.evalue}" if named else f"{type(error).__name__}: {error}"
    return " ".join(said.split())[:1000]


def _with_last_states(notebook):
    """Keep of each progress bar its last state; one that wiped itself out leaves nothing."""
    notebook = CoalesceStreamsPreprocessor().preprocess(notebook, {})[0]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [some for some in cell.outputs if some.get("text", "seen").strip()]
    return notebook
