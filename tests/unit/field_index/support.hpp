/// What the tests of payload indexes share: payloads as bytes, segments in a file system in memory, the evaluator's answer.
#pragma once

#include <vecstore/core/random.hpp>
#include <vecstore/filter/evaluate.hpp>
#include <vecstore/payload/codec.hpp>
#include <vecstore/payload/json.hpp>
#include <vecstore/storage/memory_file_system.hpp>

#include <field_index/segment.hpp>
#include <field_index/segment_builder.hpp>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace vecstore::test {

/// Payloads by ordinal, encoded.
using payloads = std::map<ordinal_id, byte_vector>;

inline byte_vector encoded(std::string_view json) {
    return payload::encode(payload::parse_document(json).value()).value();
}

inline payload::path path_of(std::string_view text) { return payload::path::parse(text).value(); }

struct segment_disk {
    storage::memory_file_system files;
    int count = 0;
    static constexpr std::uint64_t index = 77;

    segment_disk() { files.create_directories("d").value(); }

    std::shared_ptr<const field_index::segment> write(field_index::segment_builder& builder) {
        const auto path = "d/" + std::to_string(++count) + ".fields";
        const auto summary = builder.write(files, path).value();
        auto opened = field_index::segment::open(files, path, index, storage::verify_mode::footer).value();
        if (opened->file().root() != summary.root || opened->head().points != summary.points) return nullptr;
        return opened;
    }
    static field_index::segment_builder builder_of(const field_schema& schema, std::string_view path) {
        std::optional<text::analyzer> analyzer;
        if (schema.kind == field_kind::text) analyzer = text::analyzer::create(schema.analyzer).value();
        return {index, schema, path_of(path), analyzer};
    }
    std::shared_ptr<const field_index::segment> build(const field_schema& schema, std::string_view path,
                                                      const payloads& points) {
        auto builder = builder_of(schema, path);
        for (const auto& [ordinal, bytes] : points) builder.add(ordinal, payload::view::trusted(bytes));
        return write(builder);
    }
};

/// What the evaluator says of the points that are covered.
inline field_index::ordinal_bitmap evaluated(const filter::expression& filter, const payloads& points,
                                             const filter::text_rules& rules = {}) {
    const auto compiled = filter::compiled::compile(filter, rules).value();
    field_index::ordinal_bitmap found;
    for (const auto& [ordinal, bytes] : points)
        if (compiled(point_id(std::uint64_t{ordinal}), payload::view::trusted(bytes))) found.add(ordinal);
    return found;
}

}  // namespace vecstore::test
