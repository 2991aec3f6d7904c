/// Indexes of payload fields: what creating one takes, and what there is.
/// Thread safety: plain values.
#pragma once

#include <vecstore/field_index/schema.hpp>

#include <cstddef>
#include <functional>
#include <string>

namespace vecstore {

/// Payload indexes that a collection may have.
inline constexpr std::size_t field_indexes_max = 256;

struct field_index_options {
    /// Called now and then by the calling thread, with the points that have been looked at, of about how many; false
    /// cancels. The index then stays and is built later; until then filters look at payloads.
    std::function<bool(std::size_t done, std::size_t points)> progress = {};
};

/// An index of a collection. Sizes in bytes.
struct field_index_info {
    std::string path;
    field_schema schema;
    bool ready = false;            ///< false: filters still look at payloads
    std::size_t points = 0;        ///< points that are in the index, those that have died since among them
    std::size_t runs = 0;          ///< files
    std::size_t memory_bytes = 0;  ///< on the heap; the files are mapped
    std::size_t file_bytes = 0;
};

}  // namespace vecstore
