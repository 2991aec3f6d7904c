#include "crash_proof.hpp"

#include <vecstore/vecstore.hpp>

#include <fmt/core.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <thread>
#include <vector>

namespace vs = vecstore;
using clock_type = std::chrono::steady_clock;

namespace word_search {
namespace {

constexpr std::size_t dim = 64;
constexpr std::size_t batch = 64;
constexpr auto writing_time = std::chrono::milliseconds(600);

/// A vector that only this id has, so that the parent can check every number of it.
std::vector<float> vector_of(std::uint64_t id) {
    std::vector<float> v(dim);
    for (std::size_t i = 0; i < dim; ++i) v[i] = static_cast<float>((id * 31 + i * 17) % 1'009) / 1'009;
    return v;
}

double milliseconds_since(clock_type::time_point start) {
    return std::chrono::duration<double, std::milli>(clock_type::now() - start).count();
}

/// Reads the child's reports until it is dead; the last number that came through whole.
std::uint64_t last_report(int pipe_end) {
    std::uint64_t acknowledged = 0;
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> in(fdopen(pipe_end, "r"), &std::fclose);
    unsigned long long number = 0;
    char newline = 0;
    while (std::fscanf(in.get(), "%llu%c", &number, &newline) == 2 && newline == '\n') acknowledged = number;
    return acknowledged;
}

}  // namespace

int write_until_killed(const std::string& directory) {
    auto db = vs::database::open(directory).value();
    auto points = db.create_collection("points", {.vectors = {{.dim = dim, .metric = vs::metric::euclid}}}).value();
    std::uint64_t written = 0;
    for (;;) {
        std::vector<vs::point> next;
        for (std::size_t i = 0; i < batch; ++i, ++written)
            next.push_back({.id = written, .vector = vector_of(written), .payload = {{"number", written}}});
        points.upsert(next).value();  // returns when the batch is on the disk
        std::printf("%llu\n", static_cast<unsigned long long>(written));
        std::fflush(stdout);
    }
}

int prove(const std::string& program, const std::string& directory) {
    std::filesystem::remove_all(directory);
    int ends[2];
    if (pipe(ends) != 0) return 1;
    const pid_t child = fork();
    if (child < 0) return 1;
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        execl(program.c_str(), program.c_str(), "--write-until-killed", directory.c_str(), static_cast<char*>(nullptr));
        _exit(127);
    }
    close(ends[1]);
    std::this_thread::sleep_for(writing_time);
    kill(child, SIGKILL);
    const auto acknowledged = last_report(ends[0]);
    waitpid(child, nullptr, 0);

    const auto start = clock_type::now();
    auto db = vs::database::open(directory).value();
    auto points = db.open_collection("points").value();
    const auto open_ms = milliseconds_since(start);
    std::uint64_t lost = 0;
    for (std::uint64_t id = 0; id < acknowledged; ++id) {
        const auto found = points.get(id, true, true);
        if (!found || found->vector != vector_of(id) || found->payload["number"] != vs::payload::value(id)) ++lost;
    }
    fmt::print(
        "  a second process wrote until SIGKILL: {} points acknowledged; reopened in {:.0f} ms, {} found, {} lost\n",
        acknowledged, open_ms, acknowledged - lost, lost);
    db.close().value();
    std::filesystem::remove_all(directory);
    return lost == 0 && acknowledged > 0 ? 0 : 1;
}

}  // namespace word_search
