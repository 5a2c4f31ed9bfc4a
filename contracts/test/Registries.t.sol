// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Model, ModelRegistry} from "../src/ModelRegistry.sol";
import {Batches} from "../src/libraries/Batches.sol";
import {Datanet, Datanets, Version} from "../src/libraries/Datanets.sol";
import {BatchHeader, Charge} from "../src/types/Batch.sol";
import {Receipt} from "../src/types/Receipt.sol";
import {Base} from "./support/Base.sol";
import {Trees} from "./support/Trees.sol";
import {VM} from "./support/Vm.sol";

contract ModelRegistryTest is Base {
    address private constant OWNER = address(0xA11CE);
    string private constant ADAPTER = "bafyreigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi";

    Receipt[] private _receipts;

    function setUp() public {
        deploySystem();
        stakeValidators(3, 10 ether);
        for (uint256 i = 0; i < 3; i++) {
            _receipts.push(_receipt(i, i == 1 ? "inference" : "fine-tune"));
        }
        _post(1);
    }

    function test_registersByProof() public {
        _finalise();
        models.register(1, _receipts[2], 2, _proof(2), OWNER);
        Model memory known = models.model(_receipts[2].output);
        require(known.owner == OWNER && known.jobId == _receipts[2].jobId && known.batch == 1, "model");
        require(keccak256(bytes(known.base)) == keccak256("base"), "base");
    }

    function test_letsTheFirstRegistrationStand() public {
        _finalise();
        models.register(1, _receipts[0], 0, _proof(0), OWNER);
        VM.recordLogs();
        models.register(1, _receipts[0], 0, _proof(0), address(0xB0B));
        equal(VM.getRecordedLogs().length, 0, "events");
        require(models.model(_receipts[0].output).owner == OWNER, "owner");
    }

    function test_refusesABatchThatIsNotFinal() public {
        _refuse(_receipts[0], 0, _proof(0), abi.encodeWithSelector(Batches.NotFinal.selector, 1));
    }

    function test_refusesAnyoneButTheRequester() public {
        _finalise();
        bytes32[] memory siblings = _proof(0);
        VM.prank(OWNER);
        VM.expectRevert(abi.encodeWithSelector(ModelRegistry.NotRequester.selector, address(this), OWNER));
        models.register(1, _receipts[0], 0, siblings, OWNER);
    }

    function test_refusesAnInference() public {
        _finalise();
        bytes memory refusal = abi.encodeWithSelector(ModelRegistry.NotFineTune.selector, _receipts[1].jobId);
        _refuse(_receipts[1], 1, _proof(1), refusal);
    }

    function test_refusesNobodyAsOwner() public {
        _finalise();
        bytes32[] memory siblings = _proof(0);
        VM.expectRevert(abi.encodeWithSelector(ModelRegistry.NoOwner.selector, _receipts[0].jobId));
        models.register(1, _receipts[0], 0, siblings, address(0));
    }

    function test_refusesForgedReceipts() public {
        _finalise();
        Receipt memory forged = _receipts[0];
        forged.output = "bafyreimine";
        _refuse(forged, 0, _proof(0), _badProof(0));
        _refuse(_receipts[0], 0, _proof(2), _badProof(0));
        _refuse(_receipts[0], 3, _proof(0), _badProof(3));
        _refuse(_receipts[0], 2, _proof(2), _badProof(2));
    }

    function _badProof(uint256 index) private view returns (bytes memory) {
        return abi.encodeWithSelector(ModelRegistry.BadProof.selector, _receipts[0].jobId, 1, index);
    }

    function _refuse(Receipt memory receipt, uint256 index, bytes32[] memory siblings, bytes memory refusal) private {
        VM.expectRevert(refusal);
        models.register(1, receipt, index, siblings, OWNER);
    }

    function _receipt(uint256 seed, string memory task) private view returns (Receipt memory receipt) {
        receipt.jobId = keccak256(abi.encode("job", seed));
        receipt.task = task;
        receipt.requester = address(this);
        receipt.passedBy = new address[](seed);
        receipt.model = "base";
        receipt.output = string.concat(ADAPTER, VM.toString(seed));
    }

    function _leaves() private view returns (bytes32[] memory leaves) {
        leaves = new bytes32[](_receipts.length);
        for (uint256 i = 0; i < leaves.length; i++) {
            leaves[i] = exposed.hashReceipt(_receipts[i]);
        }
    }

    function _proof(uint256 index) private view returns (bytes32[] memory) {
        return Trees.proof(_leaves(), index);
    }

    function _post(uint64 number) private {
        BatchHeader memory header;
        header.number = number;
        header.receiptsRoot = Trees.root(_leaves());
        header.receiptCount = uint32(_receipts.length);
        header.charges = keccak256("");
        ledger.post(header, endorsements(header, 3), new Charge[](0));
    }

    function _finalise() private {
        VM.warp(block.timestamp + WINDOW);
        ledger.finalise(1);
    }
}

contract DatanetRegistryTest is Base {
    string private constant MANIFEST = "bafyreigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi";

    function setUp() public {
        deploySystem();
    }

    function test_addsVersionsOneAfterTheOther() public {
        equal(datanets.create("docs", "MIT"), 1, "first");
        equal(datanets.create("more docs", "CC-BY-4.0"), 2, "second");
        equal(datanets.publish(2, keccak256("a"), 10, MANIFEST, 1000), 1, "version");
        equal(datanets.publish(2, keccak256("b"), 20, MANIFEST, 2000), 2, "version");
        Datanet memory known = datanets.datanet(2);
        require(known.operator == address(this) && known.versionCount == 2, "datanet");
        Version memory first = datanets.versionOf(2, 1);
        require(first.root == keccak256("a") && first.contributionCount == 10, "the first version stays");
    }

    function test_letsOnlyTheOperatorPublish() public {
        datanets.create("docs", "MIT");
        VM.prank(address(0xB0B));
        VM.expectRevert(abi.encodeWithSelector(Datanets.NotOperator.selector, 1, address(0xB0B)));
        datanets.publish(1, keccak256("a"), 10, MANIFEST, 1000);
        VM.expectRevert(abi.encodeWithSelector(Datanets.NotOperator.selector, 2, address(this)));
        datanets.publish(2, keccak256("a"), 10, MANIFEST, 1000);
    }

    function testFuzz_boundsTexts(uint8 lengthBytes) public {
        string memory text = string(new bytes(lengthBytes));
        if (lengthBytes == 0 || lengthBytes > 64) {
            VM.expectRevert(abi.encodeWithSelector(Datanets.BadLength.selector, "name", lengthBytes, 64));
        }
        datanets.create(text, "MIT");
        if (lengthBytes == 0 || lengthBytes > 64) {
            VM.expectRevert(abi.encodeWithSelector(Datanets.BadLength.selector, "licence", lengthBytes, 64));
        }
        datanets.create("docs", text);
        uint256 datanetId = datanets.create("docs", "MIT");
        if (lengthBytes == 0 || lengthBytes > 111) {
            VM.expectRevert(abi.encodeWithSelector(Datanets.BadLength.selector, "manifest", lengthBytes, 111));
        }
        datanets.publish(datanetId, keccak256("a"), 1, text, 1);
    }

    function test_refusesAVersionOfNothing() public {
        datanets.create("docs", "MIT");
        VM.expectRevert(abi.encodeWithSelector(Datanets.EmptyVersion.selector, 1));
        datanets.publish(1, 0, 10, MANIFEST, 1000);
        VM.expectRevert(abi.encodeWithSelector(Datanets.EmptyVersion.selector, 1));
        datanets.publish(1, keccak256("a"), 0, MANIFEST, 1000);
    }
}
