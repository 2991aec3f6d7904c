#include "notes.hpp"

namespace vecstore::detail {

result<void> change_notes(const collection_access& access,
                          const std::function<result<void>(collection_notes&)>& change) {
    const auto& state = *access.state;
    write_request request;
    request.targets.push_back(&state);
    request.resolve = [&](write_request& made) -> result<void> {
        auto notes = state.notes();
        VECSTORE_CHECK(change(notes));
        if (notes.metadata == state.notes().metadata && notes.models == state.notes().models) return {};
        VECSTORE_TRY(auto record, encode_notes(state.id(), state.options(), notes));
        made.operations.push_back(std::move(record));
        return {};
    };
    VECSTORE_CHECK(access.database->commit(std::move(request)));
    return {};
}

error other_model(const std::string& vector_name, const std::string& known, const std::string& given) {
    return {errc::conflict, "vector \"" + vector_name + "\": embeddings of model \"" + given +
                                "\" were given, but the collection has those of model \"" + known + "\""};
}

result<void> check_models(const read_session& session, const query& q) {
    VECSTORE_CHECK(check_model(session.collection().options(), *session.state().notes, q.using_vector, q.model));
    for (const auto& below : q.prefetch) VECSTORE_CHECK(check_models(session, below));
    return {};
}

result<void> check_model(const collection_options& options, const collection_notes& notes,
                         const std::string& vector_name, const std::string& model) {
    if (model.empty()) return {};
    for (std::size_t slot = 0; slot < options.vectors.size(); ++slot)
        if (options.vectors[slot].name == vector_name && !notes.models[slot].empty() && notes.models[slot] != model)
            return other_model(vector_name, notes.models[slot], model);
    return {};
}

}  // namespace vecstore::detail
