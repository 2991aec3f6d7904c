/// Wall time and CPU time since construction.
#pragma once

#include <chrono>
#include <ctime>

namespace vecstore::bench {

/// CPU time is that of the process, or of the constructing thread alone: beside a writer only the latter is the reader's.
class stopwatch {
public:
    enum class scope { process, thread };

    explicit stopwatch(scope s = scope::process) : scope_(s), cpu_(cpu_now()) {}

    [[nodiscard]] double wall_seconds() const {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - wall_).count();
    }
    [[nodiscard]] double cpu_seconds() const { return cpu_now() - cpu_; }

private:
    [[nodiscard]] double cpu_now() const {
        timespec now{};
        clock_gettime(scope_ == scope::process ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_THREAD_CPUTIME_ID, &now);
        return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
    }

    scope scope_;
    std::chrono::steady_clock::time_point wall_ = std::chrono::steady_clock::now();
    double cpu_;
};

}  // namespace vecstore::bench
