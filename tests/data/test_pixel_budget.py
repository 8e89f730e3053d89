"""Limit on the pixels that threads decode at once."""

import threading
from concurrent.futures import ThreadPoolExecutor

from metaopt.data.pixel_budget import PixelBudget


def test_sum_over_threads_stays_within_the_limit() -> None:
    budget, lock, held, most = PixelBudget(100), threading.Lock(), 0, 0

    def decode(pixels: int) -> None:
        nonlocal held, most
        with budget.reserved(pixels):
            with lock:
                held += pixels
                most = max(most, held)
            threading.Event().wait(0.002)
            with lock:
                held -= pixels

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(decode, [40, 70, 10, 30, 60, 100, 5, 50] * 4))
    assert most <= 100


def test_an_image_above_the_limit_is_decoded_alone() -> None:
    budget = PixelBudget(100)
    with budget.reserved(1_000):
        waiting = threading.Thread(target=lambda: budget.reserved(1).__enter__(), daemon=True)
        waiting.start()
        waiting.join(0.05)
        assert waiting.is_alive()
    waiting.join(5)
    assert not waiting.is_alive()


def test_a_failed_decoding_frees_its_pixels() -> None:
    budget = PixelBudget(10)
    for _ in range(3):
        try:
            with budget.reserved(10):
                raise ValueError
        except ValueError:
            pass
