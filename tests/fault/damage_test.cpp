// A file of a closed database is cut short or missing: opening or reading gives a typed error, or all answers are right.
// (Flipped bits: the campaign `bitflip`.)
#include "support/damaged_store.hpp"

#include <catch2/catch.hpp>

namespace vs = vecstore;
namespace fs = std::filesystem;
using namespace vecstore::test;
using vs::errc;

TEST_CASE("damage: a cut in any file of a closed database is detected or harmless", "[fault]") {
    const damage_sample s;
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
    const damage_sample s;
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
