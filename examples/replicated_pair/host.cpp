#include "host.hpp"

#include <vecstore/payload/json.hpp>
#include <vecstore/replication/node.hpp>
#include <vecstore/vecstore.hpp>

#include <common/sample.hpp>
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <thread>

namespace pair {
namespace {

using namespace vecstore;

constexpr std::size_t entries = 600;
constexpr std::size_t entries_of_write = 8;
constexpr std::chrono::milliseconds pause{5};  // entries do not come faster in this story

void say(const std::string& line) {
    fmt::print("{}\n", line);
    std::fflush(stdout);
}

replication::node join(const database& db, const host& here, bool primary, bool first) {
    replication::node_options options;
    options.cluster = "dictionary";
    options.listen = here.listen;
    options.peers = {here.other};
    options.coordinator = replication::static_primary_options{primary};
    options.first_start = first;
    options.commit_timeout_ms = 500;
    return replication::node::start(db, options).value();
}

/// The same write again and again until it is certain: its id makes sure that it is done once.
void write_surely(collection& docs, const std::vector<point>& points, const write_id& id) {
    for (;;) {
        const auto written = docs.upsert(points, {.operation_id = id});
        if (written) return;
        switch (written.error().code) {
            case errc::unknown_outcome:
            case errc::timed_out:
            case errc::unavailable:
            case errc::not_leader: std::this_thread::sleep_for(std::chrono::milliseconds(20)); break;
            default: throw exception(written.error());
        }
    }
}

collection create_or_open(database& db, std::size_t dim) {
    for (;;) {
        if (auto docs = db.open_collection("entries")) return *std::move(docs);
        if (auto docs = db.create_collection("entries", {{{.dim = dim}}})) return *std::move(docs);
        std::this_thread::sleep_for(std::chrono::milliseconds(20));  // the other is not there yet
    }
}

}  // namespace

int ingest(const host& here) {
    const auto sample = sample::load(sample::default_folder()).value();
    const bool first = !std::filesystem::exists(here.directory);
    auto db = database::open(here.directory).value();
    const auto node = join(db, here, true, first);
    auto docs = create_or_open(db, sample.vectors.dim);
    const auto total = std::min(entries, sample.vectors.rows);
    // Where an earlier run has come to is what is kept. All writes but the last are whole.
    (void)node.wait_for(replication::read::strong());
    for (auto next = docs.count().value(); next < total;) {
        std::vector<point> points;
        for (auto row = next; row < std::min(next + entries_of_write, total); ++row) {
            point p;
            p.id = row + 1;
            p.vector = sample.vectors.row(row);
            p.payload = payload::parse_document(sample.payloads[row]).value();
            points.push_back(std::move(p));
        }
        write_surely(docs, points, {1, next + 1});
        next += points.size();
        say(fmt::format("kept {}", next));
        std::this_thread::sleep_for(pause);
    }
    say("all");
    std::string line;
    std::getline(std::cin, line);  // until the other end is closed
    return 0;
}

int answer(const host& here) {
    const auto sample = sample::load(sample::default_folder()).value();
    const bool first = !std::filesystem::exists(here.directory);
    auto db = database::open(here.directory).value();
    const auto node = join(db, here, false, first);
    std::string line;
    while (std::getline(std::cin, line)) {
        const auto docs = db.open_collection("entries");
        if (line == "count") {
            say(std::to_string(docs ? docs->count().value() : 0));
        } else if (line.rfind("ask ", 0) == 0 && docs) {
            const auto number = std::stoul(line.substr(4)) % sample.queries.size();
            const auto hits = docs->query({.nearest = sample.query_vectors.row(number), .limit = 1}).value();
            say(fmt::format("'{}' -> {}", sample.queries[number].text,
                            hits.empty() ? "nothing" : std::string(hits[0].payload["gloss"].string_or("?"))));
        } else {
            say("?");
        }
    }
    return 0;
}

}  // namespace pair
