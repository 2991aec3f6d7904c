#include "host.hpp"

#include <vecstore/core/random.hpp>
#include <vecstore/replication/node.hpp>
#include <vecstore/vecstore.hpp>

#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <sstream>
#include <thread>

namespace vecstore::test {
namespace {

using clock = std::chrono::steady_clock;

constexpr std::size_t dim = 128;
constexpr std::size_t batch = 200;  // points of one write under load

void say(const std::string& line) {
    fmt::print("{}\n", line);
    std::fflush(stdout);
}

/// All that is known of a point follows from its id.
point numbered(std::uint64_t id) {
    random_source random(id);
    point p;
    p.id = id;
    p.vector.resize(dim);
    for (auto& x : p.vector) x = static_cast<float>(random.unit()) - 0.5f;
    p.payload = {{"number", static_cast<std::int64_t>(id)}};
    return p;
}

result<collection> docs_of(database& db) {
    if (auto docs = db.open_collection("docs")) return docs;
    return db.create_collection("docs", {{{.dim = dim}}});
}

result<write_result> write(database& db, std::uint64_t first, std::size_t count) {
    VECSTORE_TRY(auto docs, docs_of(db));
    std::vector<point> points;
    for (std::size_t i = 0; i < count; ++i) points.push_back(numbered(first + i));
    return docs.upsert(points);
}

std::size_t missing(const database& db, std::uint64_t first, std::size_t count) {
    const auto docs = db.open_collection("docs");
    if (!docs) return count;
    std::size_t found = 0;
    for (std::size_t i = 0; i < count; ++i) found += docs->get(first + i).has_value() ? 1 : 0;
    return count - found;
}

template <class Value>
Value at(std::vector<Value>& values, double share) {
    if (values.empty()) return {};
    std::sort(values.begin(), values.end());
    return values[std::min(values.size() - 1, static_cast<std::size_t>(share * static_cast<double>(values.size())))];
}

/// Writes at that rate, or as fast as it goes, and says what it came to and how far the others lagged.
std::string load(database& db, const replication::node& node, std::uint64_t points_per_s, int seconds) {
    std::atomic<bool> over{false};
    std::vector<std::uint64_t> lag_ms, lag_records;
    std::thread looks([&] {
        for (; !over; std::this_thread::sleep_for(std::chrono::milliseconds(5))) {
            const auto s = node.status();
            if (!s) continue;
            for (const auto& p : s->peers) {
                lag_ms.push_back(p.lag_ms);
                lag_records.push_back(p.lag_records);
            }
        }
    });
    const auto begun = clock::now();
    const auto end = begun + std::chrono::seconds(seconds);
    std::uint64_t written = 0, refused = 0, id = 1'000'000'000;
    std::vector<double> write_ms;
    while (clock::now() < end) {
        const auto before = clock::now();
        const auto outcome = write(db, id, batch);
        id += batch;
        (outcome ? written : refused) += batch;
        write_ms.push_back(std::chrono::duration<double, std::milli>(clock::now() - before).count());
        if (points_per_s == 0) continue;
        std::this_thread::sleep_until(begun + std::chrono::microseconds(written * 1'000'000 / points_per_s));
    }
    const auto took = std::chrono::duration<double>(clock::now() - begun).count();
    over = true;
    looks.join();
    return fmt::format("{:.0f} {:.1f} {:.1f} {} {} {} {}", static_cast<double>(written) / took, at(write_ms, 0.5),
                       at(write_ms, 0.99), at(lag_ms, 0.5), at(lag_ms, 0.99), at(lag_records, 0.99), refused);
}

std::string answer(database& db, replication::node& node, const std::string& line) {
    std::istringstream words(line);
    std::string what;
    std::uint64_t first = 0, count = 0;
    words >> what >> first >> count;
    if (what == "write") {
        const auto written = write(db, first, count);
        return written ? "ok" : "no " + written.error().what();
    }
    if (what == "missing") return std::to_string(missing(db, first, count));
    if (what == "load") return load(db, node, first, static_cast<int>(count));
    const auto s = node.status().value();
    if (what == "status")
        return fmt::format("{} {} {} {}", to_string(s.role), s.term, s.read_only ? "cut_off" : "heard",
                           s.leader_address.empty() ? "?" : s.leader_address);
    if (what == "settled") {
        const auto stats = db.stats().value();
        return fmt::format("{} {}", stats.lsn, stats.state_hash ? to_string(*stats.state_hash) : "unknown");
    }
    if (what == "switchover") {
        const auto done = node.switchover();
        return done ? "ok" : "no " + done.error().what();
    }
    return "?";
}

}  // namespace

int run_host(const host_options& options) {
    const bool first = !std::filesystem::exists(options.directory);
    auto db = database::open(options.directory).value();
    replication::node_options with;
    with.cluster = "campaign";
    with.listen = options.listen;
    with.peers = options.peers;
    with.first_start = first;
    with.commit_timeout_ms = 2'000;
    if (options.etcd.empty()) {
        with.coordinator = replication::static_primary_options{options.primary};
    } else {
        replication::etcd_options etcd;
        etcd.endpoints = {options.etcd};
        with.coordinator = etcd;
    }
    auto node = replication::node::start(db, with).value();
    say("ready");
    std::string line;
    while (std::getline(std::cin, line)) say(answer(db, node, line));
    return 0;
}

}  // namespace vecstore::test
