"""The toy of flood.ts over SimPy. Prints CPU seconds, events and checksum as JSON: flood.py <messages>.

With --version it prints what it runs on, and nothing where that is missing.
"""
import json
import sys
import time

try:
    import simpy
except ImportError:
    sys.exit(0)

NODES = 10_000
DIALS = 10
INTERVAL_US = 1_000_000
if sys.argv[1] == "--version":
    print(f"SimPy {simpy.__version__}, Python {sys.version.split()[0]}")
    sys.exit(0)
messages = int(sys.argv[1])

state = 1


def draw(bound):
    global state
    state = (state * 1664525 + 1013904223) % 2**32
    return state * bound >> 32


links = [[] for _ in range(NODES)]
for node in range(NODES):
    for _ in range(DIALS):
        peer = draw(NODES)
        delay_us = 5000 + draw(145_000)
        if peer == node:
            continue
        links[node].append((peer, delay_us))
        links[peer].append((node, delay_us))


def run():
    # Callbacks on timeouts: with processes SimPy takes more than twice as long.
    environment = simpy.Environment()
    timeout = simpy.Timeout
    seen = [bytearray(NODES) for _ in range(messages)]
    events = 0
    checksum = 0

    def arrived(event):
        nonlocal events, checksum
        events += 1
        target, message, sender = event._value
        if seen[message][target]:
            return
        seen[message][target] = 1
        checksum += environment.now
        for peer, delay_us in links[target]:
            if peer != sender:
                timeout(environment, delay_us, (peer, message, target)).callbacks.append(arrived)

    for message in range(messages):
        first = (message * 7919 % NODES, message, -1)
        timeout(environment, message * INTERVAL_US, first).callbacks.append(arrived)
    environment.run()
    return events, checksum


start = time.process_time()
events, checksum = run()
seconds = time.process_time() - start
print(json.dumps({"seconds": seconds, "events": events, "checksum": checksum}))
