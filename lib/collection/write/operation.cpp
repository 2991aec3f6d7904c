#include "operation.hpp"

#include "put_vectors.hpp"
#include "record_cutter.hpp"

#include <vecstore/core/limits.hpp>
#include <vecstore/payload/codec.hpp>
#include <vecstore/payload/path.hpp>

#include <collection/sparse/sparse_document.hpp>

#include <algorithm>
#include <optional>

namespace vecstore::detail {
namespace {

byte_vector collection_head(collection_id collection) {
    byte_writer head;
    head.put(collection);
    return std::move(head).take();
}

result<void> put_point(byte_writer& out, const collection_options& options, const text_encoders& encoders,
                       const point& p, std::optional<std::uint64_t> expire_at, std::vector<float>& scratch) {
    p.id.put_key(out);
    if (expire_at) out.put(*expire_at);
    VECSTORE_CHECK(put_vectors(out, options, encoders, given_by(p), scratch));
    VECSTORE_TRY(const auto payload, payload::encode(p.payload));
    out.put_sized(payload);
    return {};
}

}  // namespace

result<std::vector<operation>> encode_upsert(collection_id collection, const collection_options& options,
                                             std::span<const point> points, std::uint64_t now_ms,
                                             const text_encoders* encoders) {
    std::optional<text_encoders> own;
    if (encoders == nullptr) encoders = &own.emplace(options);
    const bool expiring = options.expire_after_ms > 0 ||
                          std::any_of(points.begin(), points.end(), [](const point& p) { return p.expire_at != 0; });
    const auto rule = options.expire_after_ms > 0 ? now_ms + options.expire_after_ms : 0;
    record_cutter records(expiring ? wal::record_type::upsert_expiring : wal::record_type::upsert,
                          collection_head(collection));
    std::vector<float> scratch;
    for (std::size_t i = 0; i < points.size(); ++i) {
        std::optional<std::uint64_t> expire_at;
        if (expiring) expire_at = points[i].expire_at != 0 ? points[i].expire_at : rule;
        if (auto put = put_point(records.next_item(), options, *encoders, points[i], expire_at, scratch); !put) {
            auto e = std::move(put).error();
            e.message = "points[" + std::to_string(i) + "] (id " + to_string(points[i].id) + "): " + e.message;
            return e;
        }
    }
    return std::move(records).finish();
}

result<std::vector<operation>> encode_erase(collection_id collection, std::span<const point_id> ids) {
    record_cutter records(wal::record_type::erase, collection_head(collection));
    for (const auto& id : ids) id.put_key(records.next_item());
    return std::move(records).finish();
}

result<std::vector<operation>> encode_edit(collection_id collection, payload_edit kind, std::span<const point_id> ids,
                                           byte_span body) {
    auto head = collection_head(collection);
    head.push_back(static_cast<std::byte>(kind));
    byte_writer tail;
    tail.put_sized(body);
    record_cutter records(wal::record_type::set_payload, std::move(head), std::move(tail).take());
    for (const auto& id : ids) id.put_key(records.next_item());
    return std::move(records).finish();
}

byte_vector encode_paths(const std::vector<std::string>& paths) {
    byte_writer body;
    body.put(static_cast<std::uint32_t>(paths.size()));
    for (const auto& path : paths) body.put_sized(path);
    return std::move(body).take();
}

result<std::vector<std::string>> decode_paths(byte_span body) {
    byte_reader in(body);
    std::vector<std::string> paths;
    for (auto left = in.get<std::uint32_t>(); left > 0 && !in.failed(); --left)
        paths.emplace_back(as_text(in.get_sized()));
    if (!in.finished()) return error{errc::corruption, "paths of a payload edit do not parse"};
    return paths;
}

byte_vector encode_at(std::string_view path, byte_span document) {
    byte_writer body;
    body.put_sized(path);
    body.put_bytes(document);
    return std::move(body).take();
}

result<decoded_at> decode_at(byte_span body) {
    byte_reader in(body);
    decoded_at decoded{std::string(as_text(in.get_sized())), {}};
    decoded.document = in.get_bytes(in.remaining());
    if (in.failed()) return error{errc::corruption, "a payload edit at a path does not parse"};
    return decoded;
}

operation encode_write_id(const named_write& written) {
    byte_writer body;
    body.put(collection_id{0});
    for (const auto number : {written.id.client, written.id.number, written.points, written.skipped}) body.put(number);
    return {wal::record_type::write_id, std::move(body).take()};
}

result<named_write> decode_write_id(byte_span payload) {
    byte_reader in(payload);
    named_write written;
    const auto collection = in.get<collection_id>();
    for (auto* number : {&written.id.client, &written.id.number, &written.points, &written.skipped})
        *number = in.get<std::uint64_t>();
    if (!in.finished() || collection != 0) return error{errc::corruption, "the name of a write does not parse"};
    return written;
}

operation encode_create(collection_id collection, const std::string& name, const collection_options& options) {
    byte_writer body;
    body.put(collection);
    body.put(static_cast<std::uint8_t>(ddl_kind::create));
    body.put_bytes(payload::encode(to_document(name, options)).value());
    return {wal::record_type::ddl, std::move(body).take()};
}

operation encode_drop(collection_id collection) {
    byte_writer body;
    body.put(collection);
    body.put(static_cast<std::uint8_t>(ddl_kind::drop));
    return {wal::record_type::ddl, std::move(body).take()};
}

operation encode_aliases(const alias_changes& changes) {
    payload::document document;
    for (const auto& [alias, id] : changes) document.append(alias, id ? payload::value(*id) : payload::value());
    byte_writer body;
    body.put(collection_id{0});
    body.put(static_cast<std::uint8_t>(ddl_kind::aliases));
    body.put_bytes(payload::encode(document).value());
    return {wal::record_type::ddl, std::move(body).take()};
}

result<operation> encode_notes(collection_id collection, const collection_options& options,
                               const collection_notes& notes) {
    payload::document models;
    for (std::size_t slot = 0; slot < options.vectors.size(); ++slot)
        if (!notes.models[slot].empty()) models.append(options.vectors[slot].name, notes.models[slot]);
    VECSTORE_TRY(const auto document, payload::encode({{"metadata", notes.metadata}, {"models", std::move(models)}}));
    byte_writer body;
    body.put(collection);
    body.put(static_cast<std::uint8_t>(ddl_kind::notes));
    body.put_bytes(document);
    return operation{wal::record_type::ddl, std::move(body).take()};
}

namespace {

operation field_ddl(collection_id collection, ddl_kind kind, const payload::document& content) {
    byte_writer body;
    body.put(collection);
    body.put(static_cast<std::uint8_t>(kind));
    body.put_bytes(payload::encode(content).value());
    return {wal::record_type::ddl, std::move(body).take()};
}

}  // namespace

operation encode_create_field(collection_id collection, const std::string& path, const field_schema& schema) {
    return field_ddl(collection, ddl_kind::create_field, {{"path", path}, {"schema", to_value(schema)}});
}

operation encode_drop_field(collection_id collection, const std::string& path) {
    return field_ddl(collection, ddl_kind::drop_field, {{"path", path}});
}

result<named_field> decode_field(byte_span body, bool with_schema) {
    const auto bad = [] { return error{errc::corruption, "log record does not parse: DDL of a payload index"}; };
    const auto document = payload::decode(body);
    if (!document) return bad();
    named_field field{std::string((*document)["path"].string_or("")), {}};
    if (!payload::path::parse(field.path)) return bad();
    if (!with_schema) return field;
    const auto schema = parse_field_schema((*document)["schema"]);
    if (!schema && schema.error().code == errc::unsupported) return schema.error();
    if (!schema) return bad();
    field.schema = *schema;
    return field;
}

payload::document to_document(const std::string& name, const collection_options& options) {
    payload::value::array vectors;
    for (const auto& v : options.vectors) {
        vectors.push_back(payload::document{{"name", v.name},
                                            {"dim", v.dim},
                                            {"metric", to_string(v.metric)},
                                            {"m", v.m},
                                            {"ef_construct", v.ef_construct},
                                            {"type", to_string(v.type)},
                                            {"index", to_string(v.index)},
                                            {"quantization", to_string(v.quantization)},
                                            {"on_disk", v.on_disk}});
        if (!v.model.empty()) vectors.back().if_object()->set("model", v.model);
        if (v.multi) vectors.back().if_object()->set("multi", true);
    }
    payload::document document{{"name", name}, {"vectors", std::move(vectors)}};
    if (options.expire_after_ms > 0) document.set("expire_after_ms", options.expire_after_ms);
    if (!options.metadata.empty()) document.set("metadata", options.metadata);
    if (options.strict_filters) document.set("strict_filters", true);
    payload::value::array sparse;
    for (const auto& v : options.sparse_vectors) sparse.push_back(to_value(v));
    if (!sparse.empty()) document.set("sparse_vectors", std::move(sparse));
    return document;
}

result<named_options> from_document(const payload::document& document) {
    named_options named;
    named.name = document["name"].string_or("");
    if (const auto* vectors = document["vectors"].if_array(); vectors != nullptr) {
        for (const auto& v : *vectors) {
            VECSTORE_TRY(const auto metric, parse_metric(v["metric"].string_or("")));
            VECSTORE_TRY(const auto type, parse_element_type(v["type"].string_or("f32")));
            VECSTORE_TRY(const auto index, parse_index_kind(v["index"].string_or("automatic")));
            VECSTORE_TRY(const auto quantization, parse_quantization_kind(v["quantization"].string_or("automatic")));
            named.options.vectors.push_back({.name = std::string(v["name"].string_or("")),
                                             .dim = static_cast<std::size_t>(v["dim"].int64_or(0)),
                                             .metric = metric,
                                             .m = static_cast<std::size_t>(v["m"].int64_or(16)),
                                             .ef_construct = static_cast<std::size_t>(v["ef_construct"].int64_or(200)),
                                             .type = type,
                                             .index = index,
                                             .quantization = quantization,
                                             .on_disk = v["on_disk"].bool_or(false),
                                             .model = std::string(v["model"].string_or("")),
                                             .multi = v["multi"].bool_or(false)});
        }
    }
    if (const auto* metadata = document["metadata"].if_object()) named.options.metadata = *metadata;
    named.options.expire_after_ms = static_cast<std::uint64_t>(document["expire_after_ms"].int64_or(0));
    named.options.strict_filters = document["strict_filters"].bool_or(false);
    if (const auto* sparse = document["sparse_vectors"].if_array(); sparse != nullptr)
        for (const auto& v : *sparse) {
            VECSTORE_TRY(auto options, sparse_options_from(v));
            named.options.sparse_vectors.push_back(std::move(options));
        }
    VECSTORE_CHECK(validate_name("collection name", named.name, false));
    VECSTORE_CHECK(validate(named.options));
    return named;
}

}  // namespace vecstore::detail
