// Runs one campaign. Usage: campaign_program <name> [count] [seed] [encrypted]; the last line of its output sums up, and the exit
// status is 1 when anything was lost or wrong.
#include "campaign/campaign.hpp"

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>
#include <string>

using namespace vecstore::test;

namespace {

const std::map<std::string, campaign_outcome (*)(const campaign_options&)> campaigns{
    {"torn", run_torn},       {"crash", run_crash},         {"lmdb", run_lmdb},
    {"bitflip", run_bitflip}, {"diskfault", run_diskfault}, {"kill9", run_kill9}};

unsigned long long to_number(unsigned long long value) { return value; }

int usage() {
    std::fputs("usage: campaign_program torn|crash|lmdb|bitflip|diskfault|kill9 [count] [seed] [encrypted]\n", stderr);
    return 2;
}

}  // namespace

int main(int argc, char** argv) {
    const auto chosen = argc < 2 ? campaigns.end() : campaigns.find(argv[1]);
    if (chosen == campaigns.end() || argc > 5) return usage();
    campaign_options options;
    if (argc > 2) options.count = std::strtoull(argv[2], nullptr, 10);
    if (argc > 3) options.seed = std::strtoull(argv[3], nullptr, 10);
    if (argc > 4) options.encrypted = std::string(argv[4]) == "encrypted";
    if (options.count == 0) return usage();
    std::time_t last = std::time(nullptr);
    options.progress = [&](std::uint64_t done, std::uint64_t all) {
        const auto now = std::time(nullptr);
        if (now - last < 5) return;
        last = now;
        std::printf("%s: %llu of %llu\n", argv[1], to_number(done), to_number(all));
        (void)std::fflush(stdout);
    };
    const auto outcome = chosen->second(options);
    if (!outcome.note.empty()) std::printf("%s\n", outcome.note.c_str());
    if (!outcome.clean()) std::printf("the first: %s\n", outcome.first.c_str());
    std::printf("%s: %llu tried, %llu lost, %llu wrong\n", argv[1], to_number(outcome.tried), to_number(outcome.lost),
                to_number(outcome.wrong));
    return outcome.clean() && outcome.tried > 0 ? 0 : 1;
}
