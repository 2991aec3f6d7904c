// Clusters of real processes on this machine, with a real etcd: what a failover takes and whether it loses anything, and how
// far copies lag. Usage: cluster_program failover|switchover COUNT | etcd_outage SECONDS | lag SECONDS. The last line sums up; the exit status is 1 when
// anything that was acknowledged was lost, or a copy differs.
#include "host.hpp"

#include <vecstore/core/random.hpp>

#include <fmt/core.h>
#include <replicated_pair/process.hpp>
#include <support/temporary_directory.hpp>
#include <unit/replication/etcd_server.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

using namespace vecstore::test;

namespace {

using clock = std::chrono::steady_clock;

constexpr int patience_ms = 60'000;
constexpr std::size_t nodes = 3;

double seconds_since(clock::time_point begun) { return std::chrono::duration<double>(clock::now() - begun).count(); }

class cluster {
public:
    cluster() : cluster(nodes, true) {}
    cluster(std::size_t count, bool with_etcd) : hosts_(count) {
        if (with_etcd) etcd_ = std::make_unique<etcd_server>();
        for (std::size_t i = 0; i < count; ++i) addresses_.push_back("127.0.0.1:" + std::to_string(pair::free_port()));
        for (std::size_t i = 0; i < count; ++i) start(i);
    }
    [[nodiscard]] bool can_run() const { return !etcd_ || etcd_->runs(); }
    [[nodiscard]] etcd_server& etcd() { return *etcd_; }
    void start(std::size_t i) {
        std::vector<std::string> words{"host", directory_ / ("node-" + std::to_string(i)), addresses_[i],
                                       etcd_ ? etcd_->url() : (i == 0 ? "primary" : "static")};
        for (const auto& a : addresses_) words.push_back(a);
        hosts_[i] = std::make_unique<pair::process>("/proc/self/exe", words);
        std::string line;
        if (!hosts_[i]->hear(line, patience_ms) || line != "ready") hosts_[i].reset();
    }
    void kill(std::size_t i) { hosts_[i].reset(); }
    [[nodiscard]] bool runs(std::size_t i) const { return hosts_[i] != nullptr; }
    /// Empty: no answer in time.
    std::string ask(std::size_t i, const std::string& question, int timeout_ms = patience_ms) {
        std::string line;
        if (!hosts_[i]) return line;
        hosts_[i]->say(question);
        return hosts_[i]->hear(line, timeout_ms) ? line : std::string();
    }
    /// Of those that run; `nodes` when nobody leads.
    std::size_t leader() {
        for (std::size_t i = 0; i < hosts_.size(); ++i)
            if (ask(i, "status").rfind("leader", 0) == 0) return i;
        return hosts_.size();
    }
    /// Writes the next point to whoever leads; its id when that was acknowledged.
    bool write(std::size_t to, std::uint64_t id) { return ask(to, fmt::format("write {} 1", id)) == "ok"; }
    /// The first leader that acknowledges a write, and after how long; nodes if none.
    std::size_t writes_again(std::uint64_t& id, std::vector<std::uint64_t>& acknowledged) {
        const auto end = clock::now() + std::chrono::milliseconds(patience_ms);
        while (clock::now() < end) {
            const auto l = leader();
            if (l < hosts_.size() && write(l, ++id)) {
                acknowledged.push_back(id);
                return l;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
        return hosts_.size();
    }
    /// Waits until all copies are equal; false when they do not become it.
    bool agree() {
        const auto end = clock::now() + std::chrono::milliseconds(patience_ms);
        while (clock::now() < end) {
            const auto first = ask(0, "settled");
            bool equal = first.find("unknown") == std::string::npos && !first.empty();
            for (std::size_t i = 1; i < hosts_.size(); ++i) equal = equal && ask(i, "settled") == first;
            if (equal) return true;
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
        }
        return false;
    }
    std::size_t lost(const std::vector<std::uint64_t>& acknowledged) {
        std::size_t count = 0;
        for (const auto id : acknowledged)
            for (std::size_t i = 0; i < hosts_.size(); ++i)
                if (ask(i, fmt::format("missing {} 1", id)) != "0") {
                    ++count;
                    break;
                }
        return count;
    }

private:
    temporary_directory directory_;
    std::unique_ptr<etcd_server> etcd_;
    std::vector<std::string> addresses_;
    std::vector<std::unique_ptr<pair::process>> hosts_;
};

double at(std::vector<double> values, double share) {
    if (values.empty()) return 0;
    std::sort(values.begin(), values.end());
    return values[std::min(values.size() - 1, static_cast<std::size_t>(share * static_cast<double>(values.size())))];
}

/// Kills the leader while it writes (or has it hand over), and waits until another acknowledges.
int change_leaders(const std::string& how, std::size_t trials, std::uint64_t seed) {
    cluster c;
    if (!c.can_run()) return fmt::print("{}: etcd is not installed (package etcd-server)\n", how), 1;
    vecstore::random_source random(seed);
    std::vector<std::uint64_t> acknowledged;
    std::vector<double> took;
    std::uint64_t id = 0;
    std::size_t wrong = 0;
    for (std::size_t trial = 0; trial < trials; ++trial) {
        const auto leader = c.writes_again(id, acknowledged);
        if (leader == nodes) {
            ++wrong;
            break;
        }
        for (auto writes = 5 + random.below(40); writes > 0; --writes)
            if (c.write(leader, ++id)) acknowledged.push_back(id);
        std::this_thread::sleep_for(std::chrono::milliseconds(random.below(400)));  // anywhere between two renewals
        const auto begun = clock::now();
        if (how == "failover")
            c.kill(leader);
        else if (c.ask(leader, "switchover") != "ok")
            ++wrong;
        const auto next = c.writes_again(id, acknowledged);
        took.push_back(seconds_since(begun));
        wrong += next == nodes || next == leader ? 1 : 0;
        fmt::print("{} {}: {:.2f} s\n", how, trial + 1, took.back());
        std::fflush(stdout);
        if (how == "failover") c.start(leader);
    }
    const bool equal = c.agree();
    const auto lost = c.lost(acknowledged);
    wrong += equal ? 0 : 1;
    fmt::print("{}: {} tried, {} lost of {} acknowledged, {} wrong, p50 {:.2f} s, max {:.2f} s\n", how, trials, lost,
               acknowledged.size(), wrong, at(took, 0.5), at(took, 1));
    return lost == 0 && wrong == 0 ? 0 : 1;
}

/// etcd is killed while points are written, and comes back: writes go on, and whoever leads stays it, in the same term.
int outage(int seconds) {
    cluster c;
    if (!c.can_run()) return fmt::print("etcd_outage: etcd is not installed (package etcd-server)\n"), 1;
    std::vector<std::uint64_t> acknowledged;
    std::uint64_t id = 0;
    const auto leader = c.writes_again(id, acknowledged);
    if (leader == nodes) return fmt::print("etcd_outage: nobody leads\n"), 1;
    const auto before = c.ask(leader, "status");
    c.etcd().stop();
    std::size_t refused = 0;
    double slowest = 0;
    const auto end = clock::now() + std::chrono::seconds(seconds);
    while (clock::now() < end) {
        const auto begun = clock::now();
        if (c.write(leader, ++id))
            acknowledged.push_back(id);
        else
            ++refused;
        slowest = std::max(slowest, seconds_since(begun));
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    c.etcd().start();
    std::this_thread::sleep_for(std::chrono::seconds(4));  // twice its time to live
    const bool same = c.ask(leader, "status") == before;
    const bool equal = c.agree();
    const auto lost = c.lost(acknowledged);
    fmt::print(
        "etcd_outage: {} s, {} writes acknowledged, {} refused, {} lost, slowest {:.2f} s, leader and term {}, copies "
        "{}\n",
        seconds, acknowledged.size(), refused, lost, slowest, same ? "the same" : "others", equal ? "equal" : "differ");
    return refused == 0 && lost == 0 && same && equal ? 0 : 1;
}

/// A lone store, a leader with two followers as fast as it goes, and the same at 20,000 points a second.
int lag(int seconds) {
    const auto measured = [&](cluster& c, std::uint64_t rate) {
        std::uint64_t id = 0;
        std::vector<std::uint64_t> acknowledged;
        const auto leader = c.writes_again(id, acknowledged);
        return leader == nodes ? std::string()
                               : c.ask(leader, fmt::format("load {} {}", rate, seconds), patience_ms + seconds * 1'000);
    };
    const auto show = [](const char* what, const std::string& said) {
        std::istringstream words(said);
        std::string rate, write_p50, write_p99, lag_p50, lag_p99, records, refused;
        words >> rate >> write_p50 >> write_p99 >> lag_p50 >> lag_p99 >> records >> refused;
        fmt::print(
            "{}: {} points/s, a write of 200 takes {} ms (p99 {}), lag p50 {} ms, p99 {} ms, {} records, {} refused\n",
            what, rate, write_p50, write_p99, lag_p50, lag_p99, records, refused);
        return rate;
    };
    std::string alone, together, steady;
    {
        cluster c(1, false);
        alone = show("one node alone", measured(c, 0));
    }
    bool equal = false;
    {
        cluster c(nodes, false);
        together = show("three nodes", measured(c, 0));
        steady = measured(c, 20'000);
        show("three nodes, 20000/s wanted", steady);
        equal = c.agree();
    }
    std::istringstream words(steady);
    std::string rate, skipped, lag_p99;
    words >> rate >> skipped >> skipped >> skipped >> lag_p99;
    fmt::print("lag: {} points/s, lag p99 {} ms, throughput {:.0f} % of one node, copies {}\n", rate, lag_p99,
               100 * std::atof(together.c_str()) / std::max(1.0, std::atof(alone.c_str())), equal ? "equal" : "differ");
    return equal ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    const std::string what = argc > 1 ? argv[1] : "";
    if (what == "host" && argc > 4) {
        host_options options{argv[2], argv[3], {}, argv[4], false};
        if (options.etcd == "primary" || options.etcd == "static") {
            options.primary = options.etcd == "primary";
            options.etcd.clear();
        }
        for (int i = 5; i < argc; ++i) options.peers.push_back(argv[i]);
        return run_host(options);
    }
    const auto count = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 20;
    const auto seed = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 1;
    if (what == "etcd_outage" && count > 0) return outage(static_cast<int>(count));
    if (what == "lag" && count > 0) return lag(static_cast<int>(count));
    if ((what == "failover" || what == "switchover") && count > 0) return change_leaders(what, count, seed);
    fmt::print(stderr, "usage: cluster_program failover|switchover COUNT [SEED] | etcd_outage SECONDS | lag SECONDS\n");
    return 2;
}
