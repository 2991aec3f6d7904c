/// The texts in a folder.
/// Thread safety: functions without state.
#pragma once

#include <vecstore/core/result.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace rag {

struct source_file {
    std::string path;  ///< below the folder, with slashes
    std::uint64_t bytes = 0;
    std::string modified;  ///< a datetime, to the microsecond
};

/// Files named .md, .markdown, .txt, .text or .rst in the folder and below, by path. Names that begin with a dot are left
/// out, and links to folders are not followed.
/// Errors: not_found (no such folder), io.
[[nodiscard]] vecstore::result<std::vector<source_file>> list_texts(const std::string& folder);

/// Errors: io.
[[nodiscard]] vecstore::result<std::string> read_text(const std::string& path);

}  // namespace rag
