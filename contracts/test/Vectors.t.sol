// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TypedData} from "../src/libraries/TypedData.sol";
import {BatchHeader, Charge} from "../src/types/Batch.sol";
import {Receipt} from "../src/types/Receipt.sol";
import {Base} from "./support/Base.sol";
import {VM} from "./support/Vm.sol";

/// @notice Solidity says the same as `protocol`, to the byte: `test/vectors/contracts.json` was written there.
contract VectorsTest is Base {
    string private _json;
    address private _verifier;

    function setUp() public {
        deploySystem();
        _json = VM.readFile("test/vectors/contracts.json");
        _verifier = VM.parseJsonAddress(_json, ".domain.contract");
        VM.chainId(VM.parseJsonUint(_json, ".domain.chainId"));
    }

    function test_hashesReceipts() public view {
        for (uint256 i = 0; i < 3; i++) {
            string memory path = _at(".receipts", i);
            bytes32 leaf = exposed.hashReceipt(_receipt(string.concat(path, ".receipt.")));
            require(leaf == _bytes32(path, ".leaf"), path);
            require(typed(_verifier, leaf) == _bytes32(path, ".digest"), path);
        }
    }

    function test_hashesHeaders() public view {
        for (uint256 i = 0; i < 2; i++) {
            string memory path = _at(".headers", i);
            bytes32 hash = exposed.hashHeader(_header(string.concat(path, ".header.")));
            require(hash == _bytes32(path, ".hash"), path);
            require(typed(_verifier, hash) == _bytes32(path, ".digest"), path);
        }
    }

    function test_hashesEndorsementVoucherAndConsent() public view {
        bytes32 endorsed = TypedData.hashEndorsement(
            VM.parseJsonAddress(_json, ".endorsement.value.validator"), _bytes32(".endorsement", ".value.header")
        );
        require(typed(_verifier, endorsed) == _bytes32(".endorsement", ".digest"), "endorsement");
        bytes32 promised = TypedData.hashVoucher(
            VM.parseJsonAddress(_json, ".voucher.value.payer"), _uint(".voucher", ".value.cumulativeWei")
        );
        require(typed(_verifier, promised) == _bytes32(".voucher", ".digest"), "voucher");
        bytes32 consented = TypedData.hashNodeConsent(
            VM.parseJsonAddress(_json, ".consent.value.node"),
            VM.parseJsonAddress(_json, ".consent.value.owner"),
            _uint(".consent", ".value.roles"),
            _uint(".consent", ".value.nonce")
        );
        require(typed(_verifier, consented) == _bytes32(".consent", ".digest"), "consent");
    }

    function test_hashesCharges() public view {
        for (uint256 i = 0; i < 3; i++) {
            string memory path = _at(".charges", i);
            address[] memory payers = VM.parseJsonAddressArray(_json, string.concat(path, ".payers"));
            uint256[] memory fees = VM.parseJsonUintArray(_json, string.concat(path, ".fees"));
            Charge[] memory charges = new Charge[](payers.length);
            for (uint256 j = 0; j < payers.length; j++) {
                charges[j] = Charge(payers[j], uint96(fees[j]), 0, 0, 0);
            }
            require(exposed.hashCharges(charges) == _bytes32(path, ".hash"), path);
        }
    }

    function test_verifiesTrees() public view {
        for (uint256 i = 0; i < 12; i++) {
            string memory path = _at(".trees", i);
            uint256 count = _uint(path, ".count");
            bytes32 root = _bytes32(path, ".root");
            bytes32[] memory leaves = VM.parseJsonBytes32Array(_json, string.concat(path, ".leaves"));
            for (uint256 index = 0; index < count; index++) {
                bytes32[] memory siblings =
                    VM.parseJsonBytes32Array(_json, _at(string.concat(path, ".siblings"), index));
                require(exposed.verify(root, count, leaves[index], index, siblings), path);
                require(!exposed.verify(root, count, ~leaves[index], index, siblings), path);
                require(!exposed.verify(root, count, leaves[index], index + count, siblings), path);
            }
        }
    }

    function test_verifiesSumTrees() public view {
        for (uint256 i = 0; i < 13; i++) {
            string memory path = _at(".sumTrees", i);
            uint256 count = _uint(path, ".count");
            bytes32 root = _bytes32(path, ".root");
            address[] memory accounts = VM.parseJsonAddressArray(_json, string.concat(path, ".accounts"));
            uint256[] memory amounts = VM.parseJsonUintArray(_json, string.concat(path, ".amounts"));
            uint256[] memory paths = VM.parseJsonUintArray(_json, string.concat(path, ".paths"));
            for (uint256 index = 0; index < count; index++) {
                bytes32[] memory siblings =
                    VM.parseJsonBytes32Array(_json, _at(string.concat(path, ".siblings"), index));
                require(exposed.holdsSum(root, accounts[index], amounts[index], paths[index], siblings), path);
                require(!exposed.holdsSum(root, accounts[index], amounts[index] + 1, paths[index], siblings), path);
            }
        }
    }

    /// @dev No contract splits a fee yet; one that will must round as protocol does.
    function test_splitsFees() public view {
        for (uint256 i = 0; i < 10; i++) {
            string memory path = _at(".fees", i);
            uint256 feeWei = _uint(path, ".feeWei");
            uint256[] memory bps = VM.parseJsonUintArray(_json, string.concat(path, ".bps"));
            uint256[] memory parts = VM.parseJsonUintArray(_json, string.concat(path, ".parts"));
            uint256 restWei = feeWei;
            for (uint256 j = 0; j < 5; j++) {
                equal(parts[j], feeWei * bps[j] / 10_000, path);
                restWei -= parts[j];
            }
            equal(_uint(path, ".treasuryWei"), restWei, path);
        }
    }

    function _receipt(string memory path) private view returns (Receipt memory receipt) {
        receipt.jobId = _bytes32(path, "jobId");
        receipt.task = VM.parseJsonString(_json, string.concat(path, "task"));
        receipt.requester = VM.parseJsonAddress(_json, string.concat(path, "requester"));
        receipt.worker = VM.parseJsonAddress(_json, string.concat(path, "worker"));
        receipt.claim = _bytes32(path, "claim");
        receipt.passedBy = VM.parseJsonAddressArray(_json, string.concat(path, "passedBy"));
        receipt.failedBy = VM.parseJsonAddressArray(_json, string.concat(path, "failedBy"));
        receipt.model = VM.parseJsonString(_json, string.concat(path, "model"));
        receipt.adapter = VM.parseJsonString(_json, string.concat(path, "adapter"));
        receipt.output = VM.parseJsonString(_json, string.concat(path, "output"));
        receipt.attribution = _bytes32(path, "attribution");
        receipt.units = uint32(_uint(path, "units"));
        receipt.feeWei = _uint(path, "feeWei");
        receipt.workerWei = _uint(path, "workerWei");
        receipt.validatorsWei = _uint(path, "validatorsWei");
        receipt.modelOwnerWei = _uint(path, "modelOwnerWei");
        receipt.contributorsWei = _uint(path, "contributorsWei");
        receipt.stakersWei = _uint(path, "stakersWei");
        receipt.treasuryWei = _uint(path, "treasuryWei");
    }

    function _header(string memory path) private view returns (BatchHeader memory) {
        return BatchHeader({
            number: uint64(_uint(path, "number")),
            epoch: uint64(_uint(path, "epoch")),
            proposer: VM.parseJsonAddress(_json, string.concat(path, "proposer")),
            receiptsRoot: _bytes32(path, "receiptsRoot"),
            receiptCount: uint32(_uint(path, "receiptCount")),
            feeWei: _uint(path, "feeWei"),
            charges: _bytes32(path, "charges"),
            collectedWei: _uint(path, "collectedWei"),
            openWei: _uint(path, "openWei"),
            payoutRoot: _bytes32(path, "payoutRoot"),
            strictness: uint32(_uint(path, "strictness")),
            answers: uint32(_uint(path, "answers")),
            payees: uint32(_uint(path, "payees")),
            data: VM.parseJsonString(_json, string.concat(path, "data")),
            availability: VM.parseJsonString(_json, string.concat(path, "availability"))
        });
    }

    function _at(string memory list, uint256 index) private pure returns (string memory) {
        return string.concat(list, "[", VM.toString(index), "]");
    }

    function _uint(string memory path, string memory key) private view returns (uint256) {
        return VM.parseJsonUint(_json, string.concat(path, key));
    }

    function _bytes32(string memory path, string memory key) private view returns (bytes32) {
        return VM.parseJsonBytes32(_json, string.concat(path, key));
    }
}
