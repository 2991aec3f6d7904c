// One byte of one file of a closed database is flipped, or a file is cut short: opening or reading gives a typed error,
// or all answers are right. Each try runs in a child process, so that a crash is a finding and not the end of the test.
#include "support/oracle.hpp"
#include "support/store.hpp"
#include "support/temporary_directory.hpp"

#include <vecstore/filter/dsl.hpp>

#include <catch2/catch.hpp>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace vs = vecstore;
namespace fs = std::filesystem;
using namespace vecstore::test;
using vs::errc;

namespace {

constexpr std::size_t graph_dim = 4;

/// VECSTORE_FAULT_EFFORT=20 tries twenty times as many places.
std::size_t effort() {
    const char* given = std::getenv("VECSTORE_FAULT_EFFORT");
    return given != nullptr ? std::strtoull(given, nullptr, 10) : 1;
}

/// A closed database with two collections, a part with a graph, dead rows, edited payloads; and what it holds.
struct sample {
    temporary_directory directory;
    oracle docs{{{vector_of(3), vector_of(2, vs::metric::cosine, "text")}}};
    oracle large{one_vector(graph_dim)};

    explicit sample(bool closed) {
        vs::random_source random(3);
        auto db = vs::database::open(path(), quiet()).value();
        auto a = db.create_collection("docs", docs.options()).value();
        auto b = db.create_collection("large", large.options()).value();
        const auto write = [&](vs::collection& c, oracle& o, std::uint64_t first, std::size_t count) {
            std::vector<vs::point> points;
            for (std::size_t i = 0; i < count; ++i)
                points.push_back(
                    make_point(first + i, random_vector(random, o.options().vectors[0].dim), {{"n", i % 7}}));
            if (o.options().vectors.size() > 1) points[0].vectors.push_back({"text", {1, 1}});
            o.upsert(points);
            (void)c.upsert(points).value();
        };
        write(b, large, 0, 2'000);
        write(a, docs, 0, 40);
        db.optimize().value();
        write(a, docs, 30, 20);
        docs.points().erase(3);
        (void)a.erase({3}).value();
        db.checkpoint().value();
        write(a, docs, 100, 5);
        docs.points().at(7).payload.set("n", 99);
        (void)a.set_payload({7}, {{"n", 99}}).value();
        if (closed) {
            db.close().value();
        } else {  // as a killed process leaves it
            fs::copy(path(), directory / "copy", fs::copy_options::recursive);
            db.close().value();
            fs::remove_all(path());
            fs::rename(directory / "copy", path());
        }
    }
    [[nodiscard]] std::string path() const { return directory / "db"; }

    /// 0: all right; 1: a typed error; 2: wrong (told on standard error).
    [[nodiscard]] int check(const std::string& at) const {
        const auto typed = [](const vs::error& e) { return e.code == errc::corruption || e.code == errc::io; };
        auto db = vs::database::open(at, quiet());
        if (!db) {
            if (typed(db.error()) && !db.error().path.empty()) return 1;
            return tell("opening: " + db.error().what());
        }
        for (const auto& [name, wanted] : {std::pair("docs", &docs), std::pair("large", &large)}) {
            auto opened = db->open_collection(name);
            if (!opened) return tell("collection: " + opened.error().what());
            const twin_filter some{vs::field("n") == 3, [](const auto& p) { return p.payload["n"].int64_or(-1) == 3; }};
            for (const auto& found :
                 {difference(*opened, *wanted, 500), difference(*opened, *wanted, some),
                  difference(*opened, *wanted, 0, std::vector<float>(wanted->options().vectors[0].dim, 0.1f), 20,
                             some)}) {
                if (found.find("corruption: ") != std::string::npos) return 1;
                if (!found.empty()) return tell(std::string(name) + ": " + found);
            }
            // A walk over the graph gives right points, whatever it finds.
            const auto walk = opened->query(nearest_to(std::vector<float>(wanted->options().vectors[0].dim, 0.1f)));
            if (!walk) return typed(walk.error()) ? 1 : tell("query: " + walk.error().what());
            if (walk->size() != 10) return tell("a walk found " + std::to_string(walk->size()));
            for (const auto& h : *walk)
                if (!wanted->points().contains(h.id)) return tell("a walk found what is not there");
        }
        return 0;
    }

private:
    static int tell(const std::string& what) {
        const auto line = what + "\n";
        return ::write(2, line.data(), line.size()) < 0 ? 3 : 2;
    }
};

/// Runs `check` in a child; its exit code, or -signal.
int in_child(const sample& s, const std::string& at) {
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

std::vector<std::string> files_of(const std::string& directory) {
    std::vector<std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(directory))
        if (entry.is_regular_file() && entry.file_size() > 0 && entry.path().filename() != "lock.mdb" &&
            entry.path().filename() != "LOCK")
            files.push_back(fs::relative(entry.path(), directory));
    std::sort(files.begin(), files.end());
    return files;
}

/// A copy whose large files are shared, but for `own`.
void copy_database(const std::string& from, const std::string& to, const std::string& own) {
    fs::remove_all(to);
    fs::create_directories(to);
    for (const auto& entry : fs::recursive_directory_iterator(from)) {
        const auto relative = fs::relative(entry.path(), from);
        if (entry.is_directory())
            fs::create_directories(fs::path(to) / relative);
        else if (relative.extension() == ".part" && relative != own)
            fs::create_hard_link(entry.path(), fs::path(to) / relative);
        else
            fs::copy_file(entry.path(), fs::path(to) / relative);
    }
}

void flip(const std::string& path, std::uint64_t offset, unsigned bit) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(offset));
    const auto byte = file.get();
    file.seekp(static_cast<std::streamoff>(offset));
    file.put(static_cast<char>(byte ^ (1 << bit)));
}

/// Offsets worth damaging: spread evenly, and those of bytes that are not zero.
std::vector<std::uint64_t> offsets_of(const std::string& path, std::size_t count, vs::random_source& random) {
    const auto bytes = vs::storage::read_file(vs::storage::posix_file_system(), path).value();
    std::vector<std::uint64_t> used, chosen{0, bytes.size() - 1};
    for (std::uint64_t i = 0; i < bytes.size(); ++i)
        if (bytes[i] != std::byte{0}) used.push_back(i);
    for (std::size_t i = 0; i < count; ++i)
        chosen.push_back(i % 4 == 0 || used.empty() ? random.below(bytes.size()) : used[random.below(used.size())]);
    return chosen;
}

constexpr std::string_view tables_file = "state/data.mdb";

/// Tries flipped bits in `file`.
void flip_some(const sample& s, const std::string& file, std::size_t tries) {
    vs::random_source random(tries);
    const auto copy = s.directory / "damaged";
    for (const auto offset : offsets_of(s.path() + "/" + file, tries, random)) {
        const auto bit = static_cast<unsigned>(random.below(8));
        copy_database(s.path(), copy, file);
        flip(copy + "/" + file, offset, bit);
        const auto outcome = in_child(s, copy);
        INFO("bit " << bit << " of byte " << offset << " of " << file << ": outcome " << outcome);
        CHECK((outcome == 0 || outcome == 1));
    }
}

}  // namespace

TEST_CASE("damage: a flipped bit in any file of a closed database is detected or harmless", "[fault]") {
    const sample s(true);
    REQUIRE(in_child(s, s.path()) == 0);
    for (const auto& file : files_of(s.path()))
        if (file != tables_file) flip_some(s, file, 60 * effort());
}

// LMDB has no checksums of its own, and answers a flipped page number with a signal.
TEST_CASE("damage: a flipped bit in the tables of a closed database is detected or harmless", "[fault]") {
    const sample s(true);
    flip_some(s, std::string(tables_file), 180 * effort());
}

TEST_CASE("damage: a cut in any file of a closed database is detected or harmless", "[fault]") {
    const sample s(true);
    const auto copy = s.directory / "damaged";
    for (const auto& file : files_of(s.path())) {
        const auto size = fs::file_size(s.path() + "/" + file);
        for (const auto cut : {std::uintmax_t{0}, size / 3, size / 10 * 9, size - 1}) {
            copy_database(s.path(), copy, file);
            fs::resize_file(copy + "/" + file, cut);
            const auto outcome = in_child(s, copy);
            INFO(file << " cut to " << cut << " of " << size << " bytes: outcome " << outcome);
            CHECK((outcome == 0 || outcome == 1));
        }
    }
}

TEST_CASE("damage: a part, the tables or their sums missing is corruption", "[fault]") {
    const sample s(true);
    for (const auto& file : files_of(s.path())) {
        if (fs::path(file).extension() != ".part" && !file.starts_with("state/")) continue;
        const auto copy = s.directory / "damaged";
        copy_database(s.path(), copy, file);
        fs::remove(copy + "/" + file);
        const auto opened = vs::database::open(copy, quiet());
        REQUIRE(code_of(opened) == errc::corruption);
        CHECK(opened.error().path.find(file) != std::string::npos);
    }
}
