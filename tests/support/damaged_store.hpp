/// A store to be damaged, which knows what it holds, and ways to damage it. Each look at a damaged store is taken by a
/// child process, so that a crash is a finding and not the end of the test.
/// Thread safety: one thread; no other may run when `in_child` forks.
#pragma once

#include "support/oracle.hpp"
#include "support/store.hpp"
#include "support/temporary_directory.hpp"

#include <vecstore/filter/dsl.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace vecstore::test {

/// A closed database with several collections, parts with a graph and with lists, dead rows, edited payloads; and what
/// it holds.
class damage_sample {
public:
    temporary_directory directory;
    database_options options;
    oracle docs{{{vector_of(3), vector_of(2, metric::cosine, "text")}}};
    oracle large{one_vector(4)};
    oracle lists{with_lists()};

    explicit damage_sample(const database_options& how = quiet()) : options(how) {
        auto db = database::open(path(), options).value();
        auto a = db.create_collection("docs", docs.options()).value();
        auto b = db.create_collection("large", large.options()).value();
        auto c = db.create_collection("lists", lists.options()).value();
        write(b, large, 0, 2'000);
        write(c, lists, 0, 2'100);
        write(a, docs, 0, 40);
        db.optimize().value();
        write(a, docs, 30, 20);
        docs.points().erase(3);
        (void)a.erase({3}).value();
        db.checkpoint().value();
        write(a, docs, 100, 5);
        docs.points().at(7).payload.set("n", 99);
        (void)a.set_payload({7}, {{"n", 99}}).value();
        db.close().value();
    }
    [[nodiscard]] std::string path() const { return directory / "db"; }

    /// 0: all right; 1: a typed error; 2: wrong (told on standard error).
    [[nodiscard]] int check(const std::string& at) const {
        const auto typed = [](const error& e) { return e.code == errc::corruption || e.code == errc::io; };
        auto db = database::open(at, options);
        if (!db) {
            if (typed(db.error()) && !db.error().path.empty()) return 1;
            return tell("opening: " + db.error().what());
        }
        for (const auto& [name, wanted] :
             {std::pair("docs", &docs), std::pair("large", &large), std::pair("lists", &lists)}) {
            auto opened = db->open_collection(name);
            if (!opened) return tell("collection: " + opened.error().what());
            const twin_filter some{field("n") == 3, [](const auto& p) { return p.payload["n"].int64_or(-1) == 3; }};
            const std::vector<float> nearest(wanted->options().vectors[0].dim, 0.1f);
            for (const auto& found :
                 {difference(*opened, *wanted, 500), difference(*opened, *wanted, some),
                  difference(*opened, *wanted, 0, nearest, 20, some), check_walk(*opened, *wanted)}) {
                if (found.find("corruption: ") != std::string::npos) return 1;
                if (!found.empty()) return tell(std::string(name) + ": " + found);
            }
        }
        return 0;
    }

    /// Writes a point that differs in one bit from what it should be: what a store would show that checks nothing.
    void spoil(const std::string& at) const {
        auto db = database::open(at, options).value();
        auto wrong = large.points().at(5);
        wrong.vector[0] = std::bit_cast<float>(std::bit_cast<std::uint32_t>(wrong.vector[0]) ^ (1u << 20));
        (void)db.open_collection("large").value().upsert({wrong}).value();
        db.close().value();
    }

private:
    static collection_options with_lists() {
        auto options = one_vector(4);
        options.vectors[0].index = index_kind::ivf;
        return options;
    }
    void write(collection& to, oracle& wanted, std::uint64_t first, std::size_t count) {
        std::vector<point> points;
        for (std::size_t i = 0; i < count; ++i)
            points.push_back(
                make_point(first + i, random_vector(random_, wanted.options().vectors[0].dim), {{"n", i % 7}}));
        if (wanted.options().vectors.size() > 1) points[0].vectors.push_back({"text", {1, 1}});
        wanted.upsert(points);
        (void)to.upsert(points).value();
    }
    [[nodiscard]] std::string check_walk(const collection& opened, const oracle& wanted) const {
        query q = nearest_to(std::vector<float>(wanted.options().vectors[0].dim, 0.1f));
        const auto found = opened.query(q);
        if (!found) return found.error().what();
        if (found->size() != 10) return "a walk found " + std::to_string(found->size());
        for (const auto& h : *found) {
            const auto p = wanted.points().find(h.id);
            if (p == wanted.points().end()) return "a walk found what is not there";
            const auto score = oracle::score(wanted.options().vectors[0].metric, q.nearest, p->second.vector);
            if (std::abs(static_cast<double>(h.score) - score) > score_tolerance) return "a walk gave a wrong score";
        }
        return {};
    }
    static int tell(const std::string& what) {
        const auto line = what + "\n";
        return ::write(2, line.data(), line.size()) < 0 ? 3 : 2;
    }
    random_source random_{3};
};

/// Runs `check` in a child; its exit code, or -signal.
[[nodiscard]] inline int in_child(const damage_sample& s, const std::string& at) {
    const auto child = ::fork();
    if (child == 0) {
        (void)::alarm(60);
        for (const int fatal : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE}) (void)::signal(fatal, SIG_DFL);  // not Catch's
        ::_exit(s.check(at));
    }
    int status = 0;
    (void)::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/// Relative to `directory`; without locks.
[[nodiscard]] inline std::vector<std::string> files_of(const std::string& directory) {
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory))
        if (entry.is_regular_file() && entry.file_size() > 0 && entry.path().filename() != "lock.mdb" &&
            entry.path().filename() != "LOCK")
            files.push_back(std::filesystem::relative(entry.path(), directory));
    std::sort(files.begin(), files.end());
    return files;
}

/// A copy that shares the files of parts, which nothing changes in place, but for `own`.
inline void copy_database(const std::string& from, const std::string& to, const std::string& own) {
    std::filesystem::remove_all(to);
    std::filesystem::create_directories(to);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(from)) {
        const auto relative = std::filesystem::relative(entry.path(), from);
        if (entry.is_directory())
            std::filesystem::create_directories(std::filesystem::path(to) / relative);
        else if (relative.string().starts_with("parts/") && relative != own)
            std::filesystem::create_hard_link(entry.path(), std::filesystem::path(to) / relative);
        else
            std::filesystem::copy_file(entry.path(), std::filesystem::path(to) / relative);
    }
}

inline void flip_bit(const std::string& path, std::uint64_t offset, unsigned bit) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(offset));
    const auto byte = file.get();
    file.seekp(static_cast<std::streamoff>(offset));
    file.put(static_cast<char>(byte ^ (1 << bit)));
}

}  // namespace vecstore::test
