/// Another process that runs this program with other arguments, and is talked to by lines of text.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pair {

class process {
public:
    /// Of the program at `path`; throws std::system_error.
    process(const std::string& path, const std::vector<std::string>& arguments);
    ~process() { kill(); }
    process(const process&) = delete;
    process& operator=(const process&) = delete;

    void say(const std::string& line);
    /// The next line; false when there is none within that time, or the process has ended.
    [[nodiscard]] bool hear(std::string& line, int timeout_ms);
    /// As a crash: it is given no time to do anything.
    void kill();

private:
    int pid_ = 0;
    int to_ = -1, from_ = -1;
    std::string unread_;
};

/// A port of this machine that nobody uses.
[[nodiscard]] std::uint16_t free_port();

}  // namespace pair
