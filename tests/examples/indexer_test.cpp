#include "support/store.hpp"
#include "support/temporary_directory.hpp"

#include <vecstore/filter/dsl.hpp>

#include <catch2/catch.hpp>
#include <rag/indexer.hpp>
#include <rag/search.hpp>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>

namespace vs = vecstore;
namespace fs = std::filesystem;

namespace {

struct folder {
    vs::test::temporary_directory directory;

    void write(const std::string& name, const std::string& text) const {
        const fs::path path = directory / name;
        fs::create_directories(path.parent_path());
        std::ofstream(path, std::ios::binary) << text;
        // Each write is a minute newer, however fast the test is.
        static int minutes = 0;
        fs::last_write_time(path, fs::last_write_time(path) + std::chrono::minutes(++minutes));
    }
};

/// Added, changed, unchanged, removed.
std::string counts(const rag::index_report& report) {
    std::string text;
    for (const auto n : {report.added, report.changed, report.unchanged, report.removed})
        text += std::to_string(n) + " ";
    return text;
}

std::string best(rag::store& store, const rag::question& asked) {
    auto in = store.current().value();
    const auto found = rag::search(in, asked).value();
    return found.empty() ? "nothing" : std::string(found[0].payload["path"].string_or(""));
}

void write_notes(const folder& notes) {
    notes.write("ships.md",
                "# Ships\nThe sailor steers his ship over the sea.\n\n## Harbours\nA ship rests in the harbour.\n");
    notes.write("guide/bread.txt", "Bread is baked in a hot oven. The baker makes dough from flour.\n");
    notes.write("guide/tea.md", "Tea is grown on the slopes of mountains.\n");
    notes.write("picture.png", "not a text");
    notes.write(".hidden/secret.txt", "bread");
}

}  // namespace

TEST_CASE("rag: only files that have changed are read again", "[rag]") {
    const folder notes;
    write_notes(notes);
    auto store = rag::store::in_memory().value();
    const auto& path = notes.directory.path();
    auto report = rag::index_folder(store, path).value();
    CHECK(counts(report) == "3 0 0 0 ");
    CHECK(report.passages == 4);
    CHECK(counts(rag::index_folder(store, path).value()) == "0 0 3 0 ");
    CHECK(best(store, {.text = "sailors"}) == "ships.md");
    CHECK(best(store, {.text = "who bakes?"}) == "guide/bread.txt");

    notes.write("ships.md", "# Ships\nA submarine dives.\n");
    notes.write("guide/new.txt", "A zeppelin flies.\n");
    notes.write("guide/tea.md", "Tea is grown on the slopes of mountains.\n");  // newer, but the same
    fs::remove(notes.directory / "guide/bread.txt");
    report = rag::index_folder(store, path).value();
    CHECK(counts(report) == "1 1 1 1 ");
    CHECK(report.passages == 2);
    CHECK(best(store, {.text = "submarine"}) == "ships.md");
    CHECK(best(store, {.text = "zepelin"}) == "guide/new.txt");  // by its spelling
    auto in = store.current().value();
    CHECK(in.passages.count().value() == 3);  // stale passages are gone
    CHECK(in.passages.count(vs::field("path") == "guide/bread.txt").value() == 0);
    CHECK(in.files.count().value() == 3);
    CHECK(counts(rag::index_folder(store, path).value()) == "0 0 3 0 ");
}

TEST_CASE("rag: questions are filtered by path and by date", "[rag]") {
    const folder notes;
    write_notes(notes);
    fs::last_write_time(notes.directory / "ships.md",
                        fs::last_write_time(notes.directory / "ships.md") - std::chrono::hours(72));
    auto store = rag::store::in_memory().value();
    (void)rag::index_folder(store, notes.directory.path()).value();
    CHECK(best(store, {.text = "ship harbour"}) == "ships.md");
    CHECK(best(store, {.text = "ship bread", .path = "guide/"}) == "guide/bread.txt");
    CHECK(best(store, {.text = "ship slopes", .path = "*.md"}) != "guide/bread.txt");
    CHECK(best(store, {.text = "bread slopes", .path = "guide/[st]*"}) == "guide/tea.md");
    const auto yesterday = vs::to_string(vs::datetime(std::chrono::system_clock::now() - std::chrono::hours(24)));
    CHECK(best(store, {.text = "ship baker", .since = yesterday}) == "guide/bread.txt");
    CHECK(best(store, {.text = "ship", .path = "ships", .since = yesterday}) == "nothing");
    auto in = store.current().value();
    CHECK(vs::test::code_of(rag::search(in, {.text = "x", .path = "*.rst"})) == vs::errc::not_found);
    CHECK(vs::test::code_of(rag::search(in, {.text = "x", .since = "soon"})) == vs::errc::invalid_argument);
    const auto prompt = rag::prompt_of({.text = "Where?"}, rag::search(in, {.text = "harbour", .limit = 1}).value());
    CHECK(prompt.find("[1] ships.md > Ships > Harbours (") != std::string::npos);
    CHECK(prompt.find("A ship rests in the harbour.") != std::string::npos);
    CHECK(prompt.find("Question: Where?") != std::string::npos);
}

TEST_CASE("rag: learning anew is a new generation, and the old one goes", "[rag]") {
    const folder notes;
    write_notes(notes);
    auto store = rag::store::in_memory().value();
    const auto& path = notes.directory.path();
    CHECK(vs::test::code_of(store.current()) == vs::errc::not_found);
    (void)rag::index_folder(store, path).value();
    const auto model = store.current().value().embedder->model();
    for (int i = 0; i < 12; ++i)
        notes.write("more" + std::to_string(i) + ".txt", "Quantum chromodynamics number " + std::to_string(i) + ".");
    const auto report = rag::index_folder(store, path).value();
    CHECK(report.added == 12);
    CHECK_FALSE(report.advice.empty());
    const auto anew = rag::index_folder(store, path, {.relearn = true}).value();
    CHECK(counts(anew) == "15 0 0 0 ");
    CHECK(anew.advice.empty());
    CHECK(store.current().value().embedder->model() != model);
    CHECK(store.database().list_collections().value() == std::vector<std::string>{"files-2", "passages-2", "words-2"});
    CHECK(best(store, {.text = "chromodynamics 7", .limit = 1}) == "more7.txt");
    CHECK(counts(rag::index_folder(store, path).value()) == "0 0 15 0 ");
}

TEST_CASE("rag: texts that the store cannot take are left out, and what was known of them goes", "[rag]") {
    const folder notes;
    write_notes(notes);
    auto store = rag::store::in_memory().value();
    const auto& path = notes.directory.path();
    notes.write("latin.txt", "caf\xE9");
    notes.write("empty.txt", "");
    auto report = rag::index_folder(store, path).value();
    CHECK(counts(report) == "4 0 0 0 ");
    REQUIRE(report.left_out.size() == 1);
    CHECK(report.left_out[0] == "latin.txt: not UTF-8");
    notes.write("guide/tea.md", std::string("\xFF"));
    report = rag::index_folder(store, path).value();
    CHECK(counts(report) == "0 0 3 1 ");
    CHECK(store.current().value().passages.count(vs::field("path") == "guide/tea.md").value() == 0);
    CHECK(vs::test::code_of(rag::index_folder(store, path + "/nothing")) == vs::errc::not_found);
}

TEST_CASE("rag: an empty folder can be indexed and asked", "[rag]") {
    const folder notes;
    auto store = rag::store::in_memory().value();
    const auto& path = notes.directory.path();
    CHECK(counts(rag::index_folder(store, path).value()) == "0 0 0 0 ");
    CHECK(best(store, {.text = "anything"}) == "nothing");
    write_notes(notes);
    CHECK(counts(rag::index_folder(store, path).value()) == "3 0 0 0 ");
    CHECK(best(store, {.text = "dough"}) == "guide/bread.txt");
}

TEST_CASE("rag: what was indexed is there after reopening", "[rag]") {
    const folder notes;
    write_notes(notes);
    const auto directory = notes.directory / ".store";
    {
        auto store = rag::store::open(directory, false).value();
        (void)rag::index_folder(store, notes.directory.path()).value();
        store.database().close().value();
    }
    auto store = rag::store::open(directory, true).value();
    CHECK(best(store, {.text = "flour"}) == "guide/bread.txt");
}
