// A real fork. The child tells by its exit code; it must not run Catch's own ends.
#include "support/store.hpp"
#include "support/temporary_directory.hpp"

#include <vecstore/database/check.hpp>

#include <catch2/catch.hpp>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <optional>

namespace vs = vecstore;
using namespace vecstore::test;
using vs::errc;

namespace {

/// Runs `body` in a child; its result, or -signal.
int in_child(const std::function<int()>& body) {
    const auto child = ::fork();
    if (child == 0) {
        (void)::alarm(30);
        for (const int fatal : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE}) (void)::signal(fatal, SIG_DFL);
        ::_exit(body());
    }
    int status = 0;
    (void)::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

}  // namespace

TEST_CASE("fork: handles from before give unavailable in the child, and change nothing when they go", "[fork]") {
    const temporary_directory directory;
    vs::database_options options;
    options.background_threads = GENERATE(0u, 1u);
    auto db = std::make_optional(vs::database::open(directory / "db", options).value());
    auto c = std::make_optional(db->create_collection("c", one_vector(2)).value());
    (void)c->upsert({make_point(1, {1, 2})}).value();
    db->checkpoint().value();
    (void)c->upsert({make_point(2, {3, 4})}).value();

    const auto child = in_child([&] {
        int step = 1;
        for (const auto code :
             {code_of(c->upsert({make_point(3, {5, 6})})), code_of(c->query(nearest_to({1, 2}))), code_of(c->get(1)),
              code_of(c->count()), code_of(c->info()), code_of(db->checkpoint()), code_of(db->flush()),
              code_of(db->optimize()), code_of(db->stats()), code_of(db->list_collections()),
              code_of(db->open_collection("c")), code_of(db->drop_collection("c")), code_of(db->close())}) {
            if (code != errc::unavailable) return step;
            ++step;
        }
        if (c->get(1).error().message.find("fork") == std::string::npos) return 50;
        c.reset();
        db.reset();  // no thread is joined, no lock dropped, nothing written
        // The child may look at the same directory, through handles of its own.
        auto reading = quiet();
        reading.read_only = true;
        const auto again = vs::database::open(directory / "db", reading);
        if (!again) return 60;
        if (again->open_collection("c").value().count().value() != 2) return 61;
        if (code_of(vs::database::open(directory / "db", quiet())) != errc::unavailable) return 62;
        return 0;
    });
    CHECK(child == 0);

    // The parent goes on as if nothing had been.
    (void)c->upsert({make_point(3, {5, 6})}).value();
    CHECK(code_of(vs::database::open(directory / "db", quiet())) == errc::unavailable);
    CHECK(c->get(1).value().id == vs::point_id(1));
    db->checkpoint().value();
    CHECK(c->count().value() == 3);
    db->close().value();
    CHECK(vs::check(directory / "db").value().healthy());
}
