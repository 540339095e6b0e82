"""Parts stay loaded, can be stopped, and let go of what they hold."""

import contextlib
import gc
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path

import numpy as np
import pytest

from mixtura import Dataset, GaussianMixture, Part, Search, _threads

OPTIONS = {"random_state": 0, "device": "cpu"}


class Samples(np.ndarray):
    """An array that can be watched."""


def joined(parts, model):
    search = Search(model, [part.summary for part in parts])
    for part in parts:
        part.join(search.summary)
    return search


def fitted(parts, model):
    search = joined(parts, model)
    while tasks := search.wants():
        search.takes([part.answer(tasks) for part in parts])
    return search.finish()


def threads():
    names = []
    for task in Path("/proc/self/task").iterdir():
        # Threads end meanwhile.
        with contextlib.suppress(FileNotFoundError):
            names.append((task / "comm").read_text().strip())
    return names.count("mixtura-part")


def settled(reached):
    """Wait for what happens in other threads."""
    deadline = time.monotonic() + 10.0
    while not reached() and time.monotonic() < deadline:
        gc.collect()
        time.sleep(0.01)
    return reached()


def test_samples_are_counted_before_their_place_is_known(blobs, device):
    parts = [Part(blobs[:1000], device=device), Part(blobs[1000:], device=device)]
    assert [(part.n_samples, part.n_features) for part in parts] == [(1000, 3), (2000, 3)]
    parts[1].first = parts[0].n_samples
    model = fitted(parts, GaussianMixture(3, random_state=0, device=device))
    expected = GaussianMixture(3, random_state=0, device=device).fit(blobs)
    assert model.score(blobs) == pytest.approx(expected.score(blobs), abs=1e-3)
    parts[1].first = 1000
    assert fitted(parts, GaussianMixture(3, random_state=0)).lower_bounds_ == model.lower_bounds_
    parts[1].first = 2000
    with pytest.raises(ValueError, match="call `join`"):
        parts[1].answer(None)
    with pytest.raises(ValueError, match="sample 1000 is the next"):
        joined(parts, GaussianMixture(3))


def test_answers_are_combined_by_whoever_has_them(blobs):
    parts = [Part(blobs[first : first + 1000], first=first, device="cpu") for first in (0, 1000, 2000)]
    model, other = GaussianMixture(3, **OPTIONS), GaussianMixture(3, **OPTIONS)
    search, at_once = joined(parts, model), joined(parts, other)
    while tasks := search.wants():
        one, *others = (pickle.loads(pickle.dumps(part.answer(tasks))) for part in parts)
        search.takes([one.combined(others[0].combined(others[1]))])
        at_once.wants()
        at_once.takes([one, *others])
    assert search.finish().lower_bounds_ == at_once.finish().lower_bounds_
    search = joined(parts, GaussianMixture(3, n_init=2, **OPTIONS))
    fewer = joined(parts, GaussianMixture(3, **OPTIONS))
    with pytest.raises(ValueError, match="one part has 2 answers, another 1"):
        parts[0].answer(search.wants()).combined(parts[1].answer(fewer.wants()))


def test_a_part_may_have_no_weight_but_all_together_must(blobs):
    parts = [Part(blobs[:1000], np.zeros(1000), device="cpu"), Part(blobs[1000:], first=1000, device="cpu")]
    model = fitted(parts, GaussianMixture(3, **OPTIONS))
    assert model.lower_bound_ == pytest.approx(GaussianMixture(3, **OPTIONS).fit(blobs[1000:]).lower_bound_, abs=1e-9)
    with pytest.raises(ValueError, match="n_samples = 0"):
        joined(parts[:1], GaussianMixture(3, **OPTIONS))


def test_bad_values_are_named_by_their_place(blobs):
    blobs[1207, 1] = np.nan
    with pytest.raises(ValueError, match="row 1207, column 1 is NaN"):
        _ = Part(blobs).summary
    with pytest.raises(ValueError, match="the sample weight of row 2 is -1"):
        _ = Part(blobs[:4], [1.0, 1.0, -1.0, 1.0]).summary
    with pytest.raises(ValueError, match="3 sample weights for 4 samples"):
        _ = Part(blobs[:4], [1.0, 1.0, 1.0]).summary


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells of threads")
def test_a_part_that_is_dropped_lets_go_of_its_samples_and_its_thread(blobs):
    samples = blobs.view(Samples)
    watched = weakref.ref(samples)
    before = threads()
    part = Part(samples, device="cpu")
    search = joined([part], GaussianMixture(3, **OPTIONS))
    part.answer(search.wants())
    assert threads() == before + 1
    del samples, part
    assert settled(lambda: threads() == before)
    # The array itself may have been taken as a plain one.
    assert settled(lambda: watched() is None)


def test_a_fit_that_follows_loads_the_samples_anew(blobs):
    part = Part(blobs, device="cpu")
    for k in (2, 3):
        expected = GaussianMixture(k, **OPTIONS).fit(blobs)
        assert fitted([part], GaussianMixture(k, **OPTIONS)).lower_bounds_ == expected.lower_bounds_


def test_an_error_of_a_file_names_it_and_the_part_goes_on_when_it_is_mended(blobs, tmp_path):
    path = tmp_path / "samples.npy"
    np.save(path, blobs)
    part = Part(Dataset(path, memory=0), device="cpu")
    search = joined([part], GaussianMixture(3, **OPTIONS))
    tasks = search.wants()
    answers = part.answer(tasks)
    path.rename(tmp_path / "elsewhere.npy")
    with pytest.raises(OSError, match=r"samples\.npy"):
        part.answer(tasks)
    (tmp_path / "elsewhere.npy").rename(path)
    assert pickle.dumps(part.answer(tasks)) == pickle.dumps(answers)


def test_ctrl_c_stops_a_pass_and_the_part_goes_on(blobs):
    X = np.tile(blobs, (100, 10))
    part = Part(X, device="cpu")
    search = joined([part], GaussianMixture(64, init_params="random", max_iter=3, **OPTIONS))
    search.takes([part.answer(search.wants())])
    tasks = search.wants()
    begun = time.monotonic()
    part.answer(tasks)
    whole = time.monotonic() - begun
    threading.Timer(min(0.2, whole / 10), os.kill, (os.getpid(), signal.SIGINT)).start()
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        part.answer(tasks)
        time.sleep(1.0)
    assert time.monotonic() - begun < max(0.9 * whole, 0.5)
    search.takes([part.answer(tasks)])


def test_several_threads_may_ask_one_part(blobs):
    part = Part(blobs, device="cpu")
    search = joined([part], GaussianMixture(3, **OPTIONS))
    tasks = search.wants()
    expected, found = pickle.dumps(part.answer(tasks)), []
    asking = [threading.Thread(target=lambda: found.append(pickle.dumps(part.answer(tasks)))) for _ in range(4)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    assert found == 4 * [expected]


def test_what_a_worker_was_told_about_threads_counts_more_than_limits(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    with _threads.threads(5):
        assert _threads.limit() == 5
    assert _threads.limit() == 1


PROGRAM = """
import os, sys, numpy as np
from mixtura import GaussianMixture, Part, Search
part = Part(np.arange(3000.0).reshape(-1, 3) % 7, device="cpu")
search = Search(GaussianMixture(2, random_state=0), [part.summary])
part.join(search.summary)
tasks = search.wants()
answers = part.answer(tasks)
if sys.argv[1] == "fork":
    child = os.fork()
    if child == 0:
        again = part.answer(tasks)
        os._exit(0 if again.__getnewargs__() == answers.__getnewargs__() else 1)
    sys.exit(os.waitpid(child, 0)[1])
"""


@pytest.mark.parametrize("way", ["exit", "fork"])
@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing is forked here")
def test_a_process_ends_while_a_part_is_loaded_and_one_that_was_forked_loads_it_anew(way):
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM, way]
    subprocess.run(command, check=True, timeout=60)
