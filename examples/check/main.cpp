// Is my database all right? Looks one over without opening it, prints what it finds, and mends what can be mended.
//
//   check DIRECTORY                  look, change nothing
//   check DIRECTORY --repair         make again what is derived: sums, control file, ids, graphs, lists
//   check DIRECTORY --drop-damaged   and give up what cannot be read, so that the rest takes writes again
//   check                            a demonstration on a database of its own
//
// Exit code: 0 all is right; 1 nothing is lost, but repair is wanted; 2 something is lost; 3 it could not be looked at.
#include <vecstore/vecstore.hpp>

#include <fmt/core.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace fs = std::filesystem;
namespace vs = vecstore;

namespace {

int exit_code(const vs::check_report& report) {
    if (report.has(vs::severity::error)) return 2;
    return report.healthy() ? 0 : 1;
}

/// Each finding says what it is, where, and how much it matters: a note is what a crash leaves behind, a warning costs
/// speed or protection, an error is data that cannot be read. `derived` ones are mended without loss.
void print(const vs::check_report& report) {
    for (const auto& finding : report.findings)
        fmt::print("{}{}\n", finding.text(), finding.derived ? " (can be made again)" : "");
    fmt::print("{} collections, {} points, {} parts, {} indexes, {} log records, {} bytes read: {}\n",
               report.collections, report.points, report.parts, report.indexes, report.log_records, report.bytes_read,
               report.findings.empty() ? "nothing found" : std::to_string(report.findings.size()) + " findings");
}

int look(const std::string& directory) {
    const auto report = vs::check(directory);
    if (!report) {
        fmt::print("{}\n", report.error().what());
        return 3;
    }
    print(*report);
    return exit_code(*report);
}

int mend(const std::string& directory, bool drop_damaged) {
    const auto report = vs::repair(directory, {.drop_damaged = drop_damaged});
    if (!report) {
        fmt::print("{}\n", report.error().what());
        return 3;
    }
    for (const auto& action : report->actions) fmt::print("{}\n", action);
    print(report->after);
    return exit_code(report->after);
}

void flip_a_byte(const std::string& path, std::uint64_t offset) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(offset));
    const char byte = static_cast<char>(~file.get());
    file.seekp(static_cast<std::streamoff>(offset));
    file.put(byte);
}

int demonstrate() {
    const std::string directory = "check.data";
    fs::remove_all(directory);
    {
        auto db = vs::database::open(directory).value();
        auto words = db.create_collection("words", {.vectors = {{.dim = 32, .metric = vs::metric::euclid}}}).value();
        std::vector<vs::point> points(2'500);
        for (std::uint64_t i = 0; i < points.size(); ++i) {
            points[i].id = i;
            points[i].vector.assign(32, static_cast<float>(i));
            points[i].payload = {{"number", i}};
        }
        words.upsert(points).value();
        db.optimize().value();
        db.close().value();
    }
    fmt::print("A fresh database:\n");
    if (look(directory) != 0) return 1;

    // The sums of the tables' pages are derived: the database does not open without them, but nothing is lost.
    flip_a_byte(directory + "/state/sums", 50);
    fmt::print("\nA byte of the sums flipped:\n");
    if (look(directory) != 2) return 1;
    fmt::print("\nRepaired:\n");
    if (mend(directory, false) != 0) return 1;

    // Vectors are originals. Opening for writing is refused; opening for salvage shows all the rest, read-only.
    flip_a_byte(directory + "/parts/1/0/1.part", 70'000);
    fmt::print("\nA byte of the vectors flipped:\n");
    if (look(directory) != 2) return 1;
    {
        vs::database_options options;
        options.salvage = true;
        const auto db = vs::database::open(directory, options).value();
        const auto words = db.open_collection("words").value();
        const auto stats = db.stats().value();
        fmt::print("salvage: {} points, {} vectors missing\n", words.count().value(), stats.missing_vectors);
        for (const auto& line : stats.missing) fmt::print("  {}\n", line);
    }
    // A backup would be better. Without one: give up the vectors in that block; their points stay.
    fmt::print("\nRepaired, what is damaged dropped:\n");
    return mend(directory, true);
}

}  // namespace

int main(int count, char** arguments) {
    if (count == 1) return demonstrate();
    const std::string option = count > 2 ? arguments[2] : "";
    if (option.empty()) return look(arguments[1]);
    if (option == "--repair") return mend(arguments[1], false);
    if (option == "--drop-damaged") return mend(arguments[1], true);
    fmt::print("unknown option {}\n", option);
    return 3;
}
