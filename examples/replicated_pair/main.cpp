// Two applications on one machine share a database: one takes entries in, one answers questions. Each is killed (kill -9)
// while both are at work, and started again. A write is acknowledged when both have it on disk, so nothing is lost.
#include "host.hpp"
#include "process.hpp"

#include <fmt/core.h>

#include <csignal>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <memory>
#include <string>

namespace {

constexpr int patience_ms = 30'000;

/// The story's two processes.
class story {
public:
    explicit story(std::string directory)
        : directory_(std::move(directory)),
          addresses_{"127.0.0.1:" + std::to_string(pair::free_port()),
                     "127.0.0.1:" + std::to_string(pair::free_port())} {}

    void start_ingest() { ingest_ = start("ingest", 0); }
    void start_answer() { answer_ = start("answer", 1); }
    void kill_ingest() { ingest_.reset(); }
    void kill_answer() { answer_.reset(); }

    /// Waits until so many entries are kept; false when that takes too long. All at the end.
    bool keeps(std::size_t wanted, int timeout_ms = patience_ms) {
        std::string line;
        while (kept_ < wanted && !all_ && ingest_->hear(line, timeout_ms)) {
            if (line == "all") all_ = true;
            if (line.rfind("kept ", 0) == 0) kept_ = std::stoul(line.substr(5));
        }
        return kept_ >= wanted || all_;
    }
    [[nodiscard]] std::size_t kept() const { return kept_; }
    [[nodiscard]] std::string ask(const std::string& question) {
        std::string line;
        answer_->say(question);
        return answer_->hear(line, patience_ms) ? line : "no answer";
    }
    /// Of the copy that answers.
    [[nodiscard]] std::size_t count() {
        const auto said = ask("count");
        return said.find_first_not_of("0123456789") == std::string::npos && !said.empty() ? std::stoul(said) : 0;
    }

private:
    std::unique_ptr<pair::process> start(const std::string& role, std::size_t number) {
        return std::make_unique<pair::process>(
            "/proc/self/exe",
            std::vector<std::string>{role, directory_ + "/" + role, addresses_[number], addresses_[1 - number]});
    }
    std::string directory_;
    std::string addresses_[2];
    std::unique_ptr<pair::process> ingest_, answer_;
    std::size_t kept_ = 0;
    bool all_ = false;
};

int tell(const std::string& directory) {
    story s(directory);
    s.start_ingest();
    s.start_answer();
    if (!s.keeps(200)) return 1;
    fmt::print("both run: {} entries are kept by both\n  {}\n", s.kept(), s.ask("ask 3"));

    s.kill_answer();
    (void)s.keeps(s.kept() + 100'000, 300);  // what was on its way is heard
    const auto before = s.kept();
    (void)s.keeps(before + 1, 500);
    fmt::print("the one that answers is killed: {} more are acknowledged, since one disk is not enough\n",
               s.kept() - before);
    s.start_answer();
    if (!s.keeps(400)) return 1;
    fmt::print("it is started again: {} entries are kept\n", s.kept());

    const auto acknowledged = s.kept();
    s.kill_ingest();
    fmt::print("the one that takes in is killed: the other answers from its copy\n  {}\n", s.ask("ask 5"));
    s.start_ingest();
    if (!s.keeps(100'000)) return 1;
    auto found = s.count();
    for (int i = 0; i < 3'000 && found < s.kept(); ++i) found = s.count();
    const auto lost = s.kept() > found ? s.kept() - found : 0;
    fmt::print("it is started again, and goes on behind entry {}: {} acknowledged, {} in the other's copy, {} lost\n",
               acknowledged, s.kept(), found, lost);
    return lost == 0 && s.kept() > acknowledged ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) try {
    std::signal(SIGPIPE, SIG_IGN);
    if (argc == 5) {
        const pair::host here{argv[2], argv[3], argv[4]};
        return std::string(argv[1]) == "ingest" ? pair::ingest(here) : pair::answer(here);
    }
    auto directory = (std::filesystem::temp_directory_path() / "vecstore-pair-XXXXXX").string();
    if (::mkdtemp(directory.data()) == nullptr) return 1;
    const int outcome = tell(directory);
    std::filesystem::remove_all(directory);
    return outcome;
} catch (const std::exception& e) {
    fmt::print(stderr, "{}\n", e.what());
    return 1;
}
