/// One number for all that can be read from a database, and the same number for a world of oracles. So a state can be
/// looked up among the many that it may be.
/// Under cosine only signs of vectors count, as the store gives them back normalised; `difference` compares the rest.
/// Thread safety: pure functions; worlds belong to one thread.
#pragma once

#include "support/workload.hpp"

#include <vecstore/payload/codec.hpp>
#include <vecstore/storage/checksum.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

namespace vecstore::test {

/// Takes points in the order of their ids.
class fingerprint_builder {
public:
    void collection(const std::string& name, const collection_options& options) {
        out_.put_sized(name);
        options_ = &options;
    }
    /// `Point` is a `point` or a `record`.
    template <class Point>
    void add(const Point& p) {
        p.id.put_key(out_);
        for (const auto& slot : options_->vectors) {
            out_.put(std::uint8_t{0xFE});
            if (slot.name.empty()) put_values(slot, p.vector);
            for (const auto& each : p.vectors)
                if (each.name == slot.name) put_values(slot, each.values);
        }
        for (const auto& each : p.sparse) {
            out_.put(std::uint8_t{0xFD});
            out_.put_sized(std::as_bytes(std::span(each.value.indices)));
            out_.put_sized(std::as_bytes(std::span(each.value.values)));
        }
        put_payload(p.payload);
    }
    [[nodiscard]] std::uint64_t finish() const { return storage::checksum64(out_.bytes()); }

private:
    void put_values(const vector_options& slot, const std::vector<float>& values) {
        if (slot.metric != metric::cosine)
            out_.put_bytes(std::as_bytes(std::span(values)));
        else
            for (const float x : values) out_.put(static_cast<std::uint8_t>(std::signbit(x)));
    }
    void put_payload(const payload::document& content) {
        std::vector<const payload::member*> members;
        for (const auto& each : content) members.push_back(&each);
        std::sort(members.begin(), members.end(), [](const auto* a, const auto* b) { return a->key < b->key; });
        payload::document sorted;
        for (const auto* each : members) sorted.append(each->key, each->value);
        out_.put_sized(payload::encode(sorted).value());
    }
    byte_writer out_;
    const collection_options* options_ = nullptr;
};

[[nodiscard]] inline std::uint64_t fingerprint(const world& wanted) {
    fingerprint_builder builder;
    for (const auto& [name, points] : wanted) {
        builder.collection(name, points.options());
        for (const auto& [id, p] : points.points()) builder.add(p);
    }
    return builder.finish();
}

/// Reads every point with its vectors and payload.
/// Errors: those of the functions that read.
[[nodiscard]] inline result<std::uint64_t> fingerprint(const database& db) {
    fingerprint_builder builder;
    VECSTORE_TRY(const auto names, db.list_collections());
    for (const auto& name : names) {
        VECSTORE_TRY(const auto info, db.describe(name));
        VECSTORE_TRY(const auto points, db.open_collection(name));
        builder.collection(name, info.options);
        scroll page;
        page.limit = 1'000;
        page.with_vectors = true;
        do {
            VECSTORE_TRY(const auto found, points.scroll(page));
            for (const auto& each : found.records) builder.add(each);
            page.offset = found.next;
        } while (page.offset);
    }
    return builder.finish();
}

}  // namespace vecstore::test
