// The toy of flood.ts over std::priority_queue. Prints CPU seconds, events and checksum as JSON: flood <messages>.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <queue>
#include <utility>
#include <vector>

namespace {
constexpr int kNodes = 10000;
constexpr int kDials = 10;
constexpr int64_t kIntervalUs = 1000000;

struct Event {
  int64_t at_us;
  uint32_t source, sequence;
  int32_t target, message, from;
};

struct Later {
  bool operator()(const Event& a, const Event& b) const {
    if (a.at_us != b.at_us) return a.at_us > b.at_us;
    if (a.source != b.source) return a.source > b.source;
    return a.sequence > b.sequence;
  }
};

uint32_t state = 1;
int32_t draw(int32_t bound) {
  state = state * 1664525u + 1013904223u;
  return static_cast<int32_t>((static_cast<uint64_t>(state) * static_cast<uint64_t>(bound)) >> 32);
}
}  // namespace

int main(int, char** argv) {
  const int messages = std::atoi(argv[1]);
  std::vector<std::vector<std::pair<int32_t, int32_t>>> links(kNodes);
  for (int node = 0; node < kNodes; node++) {
    for (int dial = 0; dial < kDials; dial++) {
      const int32_t peer = draw(kNodes);
      const int32_t delay_us = 5000 + draw(145000);
      if (peer == node) continue;
      links[node].push_back({peer, delay_us});
      links[peer].push_back({node, delay_us});
    }
  }
  std::vector<int32_t> first(kNodes + 1), peers, delays_us;
  for (int node = 0; node < kNodes; node++) {
    first[node + 1] = first[node] + static_cast<int32_t>(links[node].size());
    for (const auto& [peer, delay_us] : links[node]) {
      peers.push_back(peer);
      delays_us.push_back(delay_us);
    }
  }

  const clock_t start = std::clock();
  std::priority_queue<Event, std::vector<Event>, Later> queue;
  std::vector<uint32_t> sequences(kNodes);
  std::vector<uint8_t> seen(static_cast<size_t>(kNodes) * messages);
  for (int message = 0; message < messages; message++) {
    const int32_t node = (message * 7919) % kNodes;
    const auto source = static_cast<uint32_t>(node);
    queue.push({message * kIntervalUs, source, sequences[node]++, node, message, -1});
  }
  int64_t events = 0, checksum = 0;
  while (!queue.empty()) {
    const Event event = queue.top();
    queue.pop();
    events++;
    uint8_t& heard = seen[static_cast<size_t>(event.message) * kNodes + event.target];
    if (heard) continue;
    heard = 1;
    checksum += event.at_us;
    const auto source = static_cast<uint32_t>(event.target);
    for (int32_t link = first[event.target]; link < first[event.target + 1]; link++) {
      if (peers[link] == event.from) continue;
      queue.push({event.at_us + delays_us[link], source, sequences[event.target]++, peers[link],
                  event.message, event.target});
    }
  }
  const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  std::printf("{\"seconds\":%.6f,\"events\":%lld,\"checksum\":%lld}\n", seconds,
              static_cast<long long>(events), static_cast<long long>(checksum));
}
