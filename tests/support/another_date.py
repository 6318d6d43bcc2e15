"""Runs the tests on another date: `python -m tests.support.another_date 2028-02-29T12:00 [PYTEST ARGUMENTS]`.

Every program that reads the time through the C library gets another one (libfaketime 0.9 cannot do that to Python 3.11:
its sleeps fail). Programs in Go keep the real one, so tests marked `real_clock`, in which Prometheus scrapes the
exporter, are left out.
"""

import os
import subprocess
import sys
import tempfile
from datetime import datetime
from pathlib import Path

from tests.support.companies import utc_now

CLOCK = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static int (*real)(clockid_t, struct timespec *);
static long later;

__attribute__((constructor)) static void start(void) {
  real = dlsym(RTLD_NEXT, "clock_gettime");
  const char *seconds = getenv("SECONDS_LATER");
  later = seconds ? atol(seconds) : 0;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  if (!real) start();
  int failed = real(clock, now);
  if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) now->tv_sec += later;
  return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  struct timespec read;
  int failed = clock_gettime(CLOCK_REALTIME, &read);
  now->tv_sec = read.tv_sec;
  now->tv_usec = read.tv_nsec / 1000;
  return failed;
}

time_t time(time_t *now) {
  struct timespec read;
  clock_gettime(CLOCK_REALTIME, &read);
  if (now) *now = read.tv_sec;
  return read.tv_sec;
}
"""


def main(date: str, *arguments: str) -> int:
    """The exit code of pytest."""
    later = datetime.fromisoformat(f"{date}+00:00") - utc_now()
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "clock.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", library], input=CLOCK, text=True, check=True)
        environ = {**os.environ, "LD_PRELOAD": str(library), "SECONDS_LATER": f"{later.total_seconds():.0f}"}
        left_out = ["-m", "not image and not real_clock"]
        return subprocess.run([sys.executable, "-m", "pytest", *left_out, *arguments], env=environ).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
