#include "indexer.hpp"

#include "source_files.hpp"

#include <vecstore/core/siphash.hpp>
#include <vecstore/filter/dsl.hpp>
#include <vecstore/payload/codec.hpp>

#include <fmt/format.h>

#include <utility>

namespace rag {

namespace vs = vecstore;

namespace {

/// The same for the same texts, on every machine; not for secrets.
vs::hash128 hash_of(std::string_view text) {
    return {vs::siphash24(vs::as_bytes(text), 1), vs::siphash24(vs::as_bytes(text), 2)};
}
vs::point_id id_of(const std::string& name) {
    const auto hash = hash_of(name);
    vs::uuid id;
    for (std::size_t i = 0; i < 8; ++i) {
        id.bytes[i] = static_cast<std::uint8_t>(hash.high >> (56 - 8 * i));
        id.bytes[8 + i] = static_cast<std::uint8_t>(hash.low >> (56 - 8 * i));
    }
    return id;
}

vs::payload::document payload_of(const std::string& path, const file_state& state) {
    return {{"path", path}, {"bytes", state.bytes}, {"modified", state.modified}, {"hash", state.hash}};
}

/// A file that is to be written, as soon as its passages have vectors.
struct waiting_file {
    std::string path;
    file_state state;
    bool known = false;
    std::vector<passage> passages;
};

class indexing {
public:
    indexing(store& to, generation& in, index_report& report) : db_(to.database()), in_(in), report_(report) {}

    vs::result<void> add(waiting_file file) {
        waiting_passages_ += file.passages.size();
        files_.push_back(std::move(file));
        constexpr std::size_t together = 256;  // so that small files share requests to a server
        if (waiting_passages_ >= together) VECSTORE_CHECK(write_waiting());
        return {};
    }

    vs::result<void> write_waiting() {
        std::vector<std::string> texts;
        for (const auto& file : files_)
            for (const auto& p : file.passages) texts.push_back(searched_text(p));
        VECSTORE_TRY(auto vectors, in_.embedder->embed(texts, text_kind::passage));
        std::size_t next = 0;
        for (const auto& file : files_) {
            std::vector<vs::point> points;
            for (std::size_t i = 0; i < file.passages.size(); ++i, ++next)
                points.push_back(point_of(file, i, std::move(texts[next]), std::move(vectors[next])));
            VECSTORE_CHECK(write(file, std::move(points)));
        }
        files_.clear();
        waiting_passages_ = 0;
        return {};
    }

    /// Its contents are the same, but it is newer.
    vs::result<void> touch(const std::string& path, const file_state& state) {
        vs::write_batch batch;
        batch.set_payload(in_.passages, vs::field("path") == path, {{"modified", state.modified}});
        batch.upsert(in_.files, {{.id = id_of(path), .payload = payload_of(path, state)}});
        return done(db_.write(batch, later_));
    }

    vs::result<void> remove(const std::string& path) {
        vs::write_batch batch;
        batch.erase(in_.passages, vs::field("path") == path);
        batch.erase(in_.files, {id_of(path)});
        ++report_.removed;
        return done(db_.write(batch, later_));
    }

private:
    vs::point point_of(const waiting_file& file, std::size_t position, std::string text, std::vector<float> vector) {
        vs::point p;
        p.id = id_of(file.path + '\n' + std::to_string(position));
        p.payload = {{"path", file.path},
                     {"heading", file.passages[position].heading},
                     {"position", position},
                     {"modified", file.state.modified},
                     {"text", file.passages[position].text}};
        p.sparse = {{bm25_name, vs::bm25(std::move(text))}};
        if (!vector.empty()) p.vectors = {{dense_name, std::move(vector), in_.embedder->model()}};
        return p;
    }
    vs::result<void> write(const waiting_file& file, std::vector<vs::point> points) {
        report_.passages += points.size();
        ++(file.known ? report_.changed : report_.added);
        vs::write_batch batch;
        if (file.known) batch.erase(in_.passages, vs::field("path") == file.path);
        if (!points.empty()) batch.upsert(in_.passages, std::move(points));
        batch.upsert(in_.files, {{.id = id_of(file.path), .payload = payload_of(file.path, file.state)}});
        return done(db_.write(batch, later_));
    }
    static vs::result<void> done(const vs::result<vs::write_result>& written) {
        if (!written) return written.error();
        return {};
    }

    /// A file that a power cut takes back is found changed by the next indexing, so none waits for the disk.
    const vs::write_options later_{.durability = vs::durability::async};
    vs::database& db_;
    generation& in_;
    index_report& report_;
    std::vector<waiting_file> files_;
    std::size_t waiting_passages_ = 0;
};

/// The text of a file, or why it is left out.
vs::result<std::string> text_of(const std::string& folder, const source_file& file) {
    if (file.bytes > file_bytes_max)
        return vs::invalid_argument(fmt::format("longer than {} MiB", file_bytes_max >> 20));
    VECSTORE_TRY(auto text, read_text(folder + "/" + file.path));
    // The store takes UTF-8 alone.
    if (!vs::payload::encode({{"path", file.path}, {"text", text}})) return vs::invalid_argument("not UTF-8");
    return text;
}

vs::result<corpus_learner> learn(const std::string& folder, const std::vector<source_file>& files,
                                 const chunk_options& chunks) {
    VECSTORE_TRY(auto learner, corpus_learner::create());
    for (const auto& file : files)
        if (const auto text = text_of(folder, file))
            for (const auto& p : cut(*text, format_of(file.path), chunks)) learner.add(searched_text(p));
    return learner;
}

std::string advice_on(const generation& in, std::size_t passages) {
    if (in.built_in == nullptr) return {};
    const auto learnt = in.built_in->learnt_from();
    if (passages > 2 * learnt)
        return fmt::format("the embedder learnt from {} passages and there are {} now", learnt, passages);
    constexpr double much = 0.1;
    if (in.built_in->news() > much)
        return fmt::format("{:.0f} % of the words in the new passages are unknown to the embedder",
                           100 * in.built_in->news());
    return {};
}

}  // namespace

std::string searched_text(const passage& of) { return of.heading.empty() ? of.text : of.heading + "\n" + of.text; }

vs::result<std::map<std::string, file_state>> known_files(const vs::collection& files) {
    std::map<std::string, file_state> known;
    vs::scroll page;
    page.limit = 1'000;
    do {
        VECSTORE_TRY(const auto found, files.scroll(page));
        for (const auto& r : found.records)
            known[std::string(r.payload["path"].string_or(""))] = {
                static_cast<std::uint64_t>(r.payload["bytes"].int64_or(0)),
                std::string(r.payload["modified"].string_or("")), std::string(r.payload["hash"].string_or(""))};
        page.offset = found.next;
    } while (page.offset);
    return known;
}

vs::result<index_report> index_folder(store& to, const std::string& folder, const index_options& options) {
    VECSTORE_TRY(const auto on_disk, list_texts(folder));
    VECSTORE_TRY(const bool indexed, to.indexed());
    const auto open = [&]() -> vs::result<generation> {
        if (indexed && !options.relearn) return to.current(options.embedding);
        VECSTORE_TRY(const auto learner, learn(folder, on_disk, options.chunks));
        auto embedding = options.embedding;
        if (indexed && embedding.url.empty()) {
            VECSTORE_TRY(auto before, to.embedding());
            before.api_key = embedding.api_key;
            embedding = std::move(before);
        }
        VECSTORE_TRY(auto made, to.begin(embedding, learner));
        // The first one counts from the beginning, so that it can go on after an interruption.
        if (!indexed) VECSTORE_CHECK(to.make_current(made));
        return made;
    };
    VECSTORE_TRY(auto in, open());
    VECSTORE_TRY(auto known, known_files(in.files));

    index_report report;
    indexing work(to, in, report);
    for (const auto& file : on_disk) {
        const auto before = known.find(file.path);
        file_state state{file.bytes, file.modified, {}};
        if (before != known.end() && before->second.bytes == state.bytes && before->second.modified == state.modified) {
            ++report.unchanged;
            known.erase(before);
            continue;
        }
        const auto text = text_of(folder, file);
        if (!text) {  // what was known of it goes
            report.left_out.push_back(file.path + ": " + text.error().message);
            continue;
        }
        state.hash = vs::to_string(hash_of(*text));
        const bool was_known = before != known.end();
        if (was_known && before->second.hash == state.hash) {
            ++report.unchanged;
            VECSTORE_CHECK(work.touch(file.path, state));
        } else {
            VECSTORE_CHECK(work.add({file.path, state, was_known, cut(*text, format_of(file.path), options.chunks)}));
        }
        if (was_known) known.erase(before);
    }
    VECSTORE_CHECK(work.write_waiting());
    for (const auto& [path, state] : known) VECSTORE_CHECK(work.remove(path));
    VECSTORE_CHECK(to.database().flush());
    if (indexed && options.relearn) VECSTORE_CHECK(to.make_current(in));
    VECSTORE_TRY(const auto count, in.passages.count());
    report.advice = advice_on(in, count);
    return report;
}

}  // namespace rag
