/// Engines by the names that the command line uses.
#pragma once

#include "engine.hpp"

#include <memory>
#include <string>

namespace vecstore::bench {

/// `[store:]kind[/quantization]`, as "hnsw", "ivf", "hnsw/int8", "store:hnsw/int8".
struct engine_spec {
    bool in_store = false;
    std::string kind = "hnsw";
    std::string quantization = "automatic";
};

/// Throws std::runtime_error that says what is wrong. `quantization` is the one when the text names none.
[[nodiscard]] engine_spec parse_spec(const std::string& text, const std::string& quantization);

/// Throws `unsupported` for what this build or the engine cannot do.
[[nodiscard]] std::unique_ptr<engine> make_own(const engine_spec& spec, engine_options options);

/// hnswlib, faiss (HNSW), faiss-ivf (4-bit fast scan with re-scoring) or faiss-ivf/N (N candidates re-scored).
/// Throws `unsupported` for what this build does not have.
[[nodiscard]] std::unique_ptr<engine> make_peer(const std::string& name, engine_options options);

/// Name of the file in which a former run may have left this index: it tells apart engines, options and data.
[[nodiscard]] std::string cache_file(const std::string& name, const engine_options& options, const matrix<float>& base);

}  // namespace vecstore::bench
