/// How the optimizer keeps within its budgets: it rests whenever it is ahead of them.
/// Thread safety: belongs to one thread, the one that does the job.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <ctime>

namespace vecstore::detail {

class optimizer_pace {
public:
    using seconds = std::chrono::duration<double>;

    /// `cpu_share` in (0, 1]; `bytes_per_second` 0 = no limit.
    optimizer_pace(double cpu_share, std::uint64_t bytes_per_second) noexcept
        : cpu_share_(cpu_share), bytes_per_second_(bytes_per_second), cpu_begin_(cpu_now()) {}

    void wrote(std::uint64_t bytes) noexcept { bytes_ += bytes; }

    /// How long to rest now.
    [[nodiscard]] seconds rest() const noexcept {
        return rest_after(std::chrono::steady_clock::now() - begin_, cpu_now() - cpu_begin_);
    }
    /// The same, when `passed` has passed since the beginning and `cpu` of it was spent computing.
    [[nodiscard]] seconds rest_after(seconds passed, seconds cpu) const noexcept {
        auto wanted = seconds::zero();
        if (cpu_share_ < 1) wanted = cpu / cpu_share_;
        if (bytes_per_second_ > 0)
            wanted = std::max(wanted, seconds(static_cast<double>(bytes_) / static_cast<double>(bytes_per_second_)));
        return std::max(wanted - passed, seconds::zero());
    }

private:
    [[nodiscard]] static seconds cpu_now() noexcept {
        std::timespec now{};
        if (::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) != 0) return seconds::zero();
        return seconds(static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec));
    }

    double cpu_share_;
    std::uint64_t bytes_per_second_;
    std::uint64_t bytes_ = 0;
    std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
    seconds cpu_begin_;
};

}  // namespace vecstore::detail
