#include "support/temporary_directory.hpp"

#include <catch2/catch.hpp>
#include <sys/wait.h>

#include <cstdlib>
#include <string>

TEST_CASE("file system: interrupted calls and short transfers are continued", "[fault]") {
    const vecstore::test::temporary_directory directory;
    const char* programs = std::getenv("VECSTORE_TEST_PROGRAMS");
    REQUIRE(programs != nullptr);
    const auto command = std::string(programs) + "/interrupted_io_program '" + directory / "db" + "'";
    const int status = std::system(command.c_str());
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
}
