#include "factory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>

namespace vecstore::bench {

engine_spec parse_spec(const std::string& text, const std::string& quantization) {
    constexpr std::array kinds{"hnsw", "ivf", "flat", "auto"};
    engine_spec spec{.quantization = quantization};
    auto rest = text;
    if (rest.rfind("store:", 0) == 0) spec.in_store = true, rest.erase(0, 6);
    if (const auto slash = rest.find('/'); slash != std::string::npos) {
        spec.quantization = rest.substr(slash + 1);
        rest.erase(slash);
    }
    if (std::find(kinds.begin(), kinds.end(), rest) == kinds.end() || spec.quantization.empty())
        throw std::runtime_error("--index " + text + ": not [store:]hnsw|ivf|flat|auto[/quantization]");
    spec.kind = rest;
    spec.in_store = spec.in_store || rest == "auto";  // choosing is the store's
    return spec;
}

std::unique_ptr<engine> make_own(const engine_spec& spec, engine_options options) {
    options.index = spec.kind;
    options.quantization = spec.quantization;
    if (spec.in_store) {
#ifdef VECSTORE_BENCH_STORE
        return make_store(options);
#else
        throw unsupported("--store: this program was built without the store");
#endif
    }
    if (spec.quantization == "automatic")
        options.quantization = spec.kind == "hnsw" ? "int8" : spec.kind == "ivf" ? "pq4" : "none";
    if (spec.kind == "flat") return make_flat(options);
    if (spec.kind == "hnsw") return options.quantization == "none" ? make_hnsw(options) : make_hnsw_codes(options);
#ifdef VECSTORE_BENCH_IVF
    if (spec.kind == "ivf") return make_ivf(options);
#endif
    throw unsupported("--index " + spec.kind + ": this program was built without it");
}

std::unique_ptr<engine> make_peer(const std::string& name, [[maybe_unused]] engine_options options) {
#ifdef VECSTORE_BENCH_HNSWLIB
    if (name == "hnswlib") return make_hnswlib(options);
#endif
#ifdef VECSTORE_BENCH_FAISS
    if (name == "faiss") return make_faiss(options);
    if (name.rfind("faiss-ivf", 0) == 0) {
        options.rescore = 0;
        const auto* const end = name.data() + name.size();
        if (const auto slash = name.find('/'); slash != std::string::npos)
            if (std::from_chars(name.data() + slash + 1, end, options.rescore).ptr != end)
                throw std::runtime_error("--peer " + name + ": not a number of candidates");
        return make_faiss_ivf(options);
    }
#endif
    throw unsupported("--peer " + name + ": this program was built without it");
}

std::string cache_file(const std::string& name, const engine_options& options, const matrix<float>& base) {
    std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a, by words
    for (const auto value : base.values) hash = (hash ^ std::bit_cast<std::uint32_t>(value)) * 0x100000001b3;
    auto file = fmt::format("{}-{}x{}-{}-{}-m{}-ef{}-l{}-{:016x}", name, base.rows, base.dim, to_string(options.metric),
                            to_string(options.type), options.m, options.ef_construct, options.lists, hash);
    std::replace_if(
        file.begin(), file.end(), [](char c) { return c == '/' || c == ':'; }, '_');
    return file;
}

}  // namespace vecstore::bench
