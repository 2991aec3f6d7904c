/// What the filter tests share: payloads and filters from JSON text.
#pragma once

#include <vecstore/filter/evaluate.hpp>
#include <vecstore/filter/json.hpp>
#include <vecstore/payload/codec.hpp>
#include <vecstore/payload/json.hpp>

#include <string_view>

/// Whether the point with that payload passes.
inline bool passes(const vecstore::filter::expression& filter, std::string_view payload_json,
                   const vecstore::point_id& id = 1) {
    const auto document = vecstore::payload::parse_document(payload_json).value();
    const auto bytes = vecstore::payload::encode(document).value();
    return vecstore::filter::compiled::compile(filter).value()(id, vecstore::payload::view::open(bytes).value());
}

inline bool passes(std::string_view filter_json, std::string_view payload_json, const vecstore::point_id& id = 1) {
    return passes(vecstore::filter::parse_json(filter_json).value(), payload_json, id);
}
