/// Brings the store up to date with a folder: only files that have changed are read, cut, embedded and written.
/// Each file is one batch: its old passages go, its new ones come and what is known of it changes, in one step. So an
/// indexing that was interrupted leaves every file either as it was or as it is, and goes on where it was.
/// Thread safety: functions without state; one indexing of a store at a time.
#pragma once

#include "chunker.hpp"
#include "store.hpp"

#include <vecstore/core/result.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace rag {

/// Files that are longer are left out: a file is one write.
inline constexpr std::size_t file_bytes_max = 4u << 20;

struct index_options {
    embedding_options embedding = {};
    /// Make all vectors anew, into a generation of its own: by the server of `embedding`; without one as before, where the
    /// built-in embedder learns from what is there now.
    bool relearn = false;
    chunk_options chunks = {};
};

struct index_report {
    std::size_t added = 0, changed = 0, unchanged = 0, removed = 0;  ///< files
    std::size_t passages = 0;                                        ///< written
    std::vector<std::string> left_out = {};                          ///< files, each with the reason
    std::string advice = {};  ///< why `relearn` would make answers better; empty when it would not
};

/// What is known of a file.
struct file_state {
    std::uint64_t bytes = 0;
    std::string modified = {};  ///< a datetime
    std::string hash = {};      ///< of its contents
};

/// By path.  Errors: those of `scroll`.
[[nodiscard]] vecstore::result<std::map<std::string, file_state>> known_files(const vecstore::collection& files);

/// Texts (.md, .markdown, .txt, .text, .rst) in `folder` and below, but for those whose names begin with a dot.
/// Errors: not_found (no such folder), io, those of the store and of the embedder.
[[nodiscard]] vecstore::result<index_report> index_folder(store& to, const std::string& folder,
                                                          const index_options& options = {});

/// What is embedded and searched of a passage: its headings stand before it.
[[nodiscard]] std::string searched_text(const passage& of);

}  // namespace rag
