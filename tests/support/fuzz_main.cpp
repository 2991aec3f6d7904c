/// Runs a fuzz target without libFuzzer: every file of the given folders, and each with single bytes changed or cut
/// off. So a finding that became a corpus file stays fixed in every build, with any compiler.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using bytes = std::vector<std::uint8_t>;

void run(const bytes& input) {
    // A copy of exact size, so that address sanitizer sees a read past its end.
    const bytes exact(input.begin(), input.end());
    LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

void run_mutations(const bytes& input, std::size_t count) {
    std::mt19937_64 random(input.size());
    for (std::size_t i = 0; i < count && !input.empty(); ++i) {
        auto changed = input;
        const auto place = random() % changed.size();
        if (i % 4 == 0)
            changed.resize(place);
        else
            changed[place] = static_cast<std::uint8_t>(random());
        run(changed);
    }
}

}  // namespace

int main(int argc, char** argv) {
    constexpr std::size_t mutations_per_file = 200;
    std::size_t files = 0;
    run({});
    for (int i = 1; i < argc; ++i) {
        for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[i])) {
            if (!entry.is_regular_file()) continue;
            std::ifstream in(entry.path(), std::ios::binary);
            const bytes input{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
            run(input);
            run_mutations(input, mutations_per_file);
            ++files;
        }
    }
    std::printf("%zu files\n", files);
}
