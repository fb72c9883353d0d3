"""Naru's checks with confluent-kafka: each says on standard output, as one line of JSON, whether the broker behaved as
Apache Kafka does. See compat/clients/program.ts for who reads it."""

import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from admin_checks import admin_checks
from broker import Place, say
from consume_checks import consume_checks
from group_checks import group_checks
from produce_checks import produce_checks
from restart_checks import restart_checks

CHECK_TIMEOUT_S = 180


def run(check, bootstrap, target):
    name, work = check
    start = time.monotonic()
    place = Place(bootstrap, target, name)
    failed = []

    def guarded():
        try:
            work(place)
            place.close()
        except BaseException as error:
            failed.append(f'{type(error).__name__}: {error}')

    thread = threading.Thread(target=guarded, daemon=True)
    thread.start()
    thread.join(CHECK_TIMEOUT_S)
    if thread.is_alive():
        failed.append(f'not done within {CHECK_TIMEOUT_S} s')
    line = {'check': name, 'ok': not failed, 'ms': round((time.monotonic() - start) * 1000)}
    if failed:
        line['error'] = failed[0]
    say(line)


def main():
    bootstrap, target = sys.argv[1:3]
    only = sys.argv[3] if len(sys.argv) > 3 else ''
    wanted = [check for check in group_checks + admin_checks + produce_checks + consume_checks if only in check[0]]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda check: run(check, bootstrap, target), wanted))
    # These take the broker away from everybody.
    for check in restart_checks:
        if only in check[0]:
            run(check, bootstrap, target)
    say({'done': True})
    # Clients of checks that did not end would hold the process up.
    os._exit(0)


main()
